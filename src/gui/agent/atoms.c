/* The atoms that the agent speaks of; see atoms.h. */
#include "gui/agent/atoms.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ATOM_ROW(name) {#name, offsetof(struct atoms, name)},
#define ATOM_NAMED_ROW(member, name) {name, offsetof(struct atoms, member)},

static const struct {
	const char *name;
	size_t offset;
} rows[] = {ATOMS(ATOM_ROW, ATOM_NAMED_ROW)};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

int
atoms_intern(xcb_connection_t *x, struct atoms *ret_atoms, struct err *err)
{
	xcb_intern_atom_cookie_t cookies[ROWS];
	int result = 0;

	for (size_t i = 0; i < ROWS; i++)
		cookies[i] = xcb_intern_atom(x, 0, (uint16_t)strlen(rows[i].name), rows[i].name);
	for (size_t i = 0; i < ROWS; i++) {
		xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(x, cookies[i], NULL);

		if (reply == NULL) {
			result = err_set(err, EIO, "X server: no atom '%s'", rows[i].name);
			continue;
		}
		memcpy((char *)ret_atoms + rows[i].offset, &reply->atom, sizeof(reply->atom));
		free(reply);
	}
	return result;
}
