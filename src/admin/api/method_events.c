/* admin.Events (spec admin-api.md section 12): the connection becomes a stream of them. */
#include "admin/api/client.h"
#include "admin/api/method.h"
#include "admin/model/app.h"

void
handle_events(struct request *r)
{
	struct client *client = r->client;
	const char *subject = qube_is_dom0(r->destination) ? NULL : r->destination->name;
	/* Until a policy says more, a caller that is not dom0 hears of no qube (9.3). */
	bool silent = !r->from_dom0;

	request_become_stream(r);
	if (client != NULL)
		client_begin_events(client, subject, silent);
}
