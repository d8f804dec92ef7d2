/* admin.vm.notes.* (spec admin-api.md 11.5). */
#include "admin/api/method.h"
#include "admin/model/app.h"
#include "admin/model/note.h"
#include "base/cleanup.h"

/* dom0 is refused by the table; a RemoteVM has its notes on its own machine. */
static bool
require_notes(struct request *r)
{
	if (r->destination->class != CLASS_REMOTE)
		return true;
	request_refuse(r, "QubesVMError", "'%s' is a RemoteVM, which has no notes here",
		r->destination->name);
	return false;
}

void
handle_notes_get(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *text = NULL;

	if (!require_notes(r))
		return;
	if (note_get(r->destination, &text, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	request_put(r, text);
	request_reply(r);
}

void
handle_notes_set(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (require_notes(r))
		request_finish(
			r, note_set(r->destination, r->payload, r->payload_size, &err), &err);
}
