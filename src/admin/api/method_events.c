/*
 * admin.Events and admin.vm.Stats (spec admin-api.md section 12, 11.4): the connection becomes a
 * stream.
 */
#include <stdio.h>

#include "admin/api/client.h"
#include "admin/api/method.h"
#include "admin/model/app.h"
#include "base/cleanup.h"

void
handle_events(struct request *r)
{
	struct client *client = r->client;
	const char *subject = qube_is_dom0(r->destination) ? NULL : r->destination->name;
	char source[QUBE_NAME_MAX + 1] = "";

	/* About everything others than dom0 hear only what the policy grants (9.3). */
	if (!r->from_dom0 && subject == NULL)
		(void)snprintf(source, sizeof(source), "%s", r->source);
	request_become_stream(r);
	if (client != NULL)
		client_begin_events(client, subject, source[0] != '\0' ? source : NULL);
}

void
handle_stats(struct request *r)
{
	struct client *client = r->client;
	AUTO_FREE char *subject =
		qube_is_dom0(r->destination) ? NULL : text_copy(r->destination->name);

	request_become_stream(r);
	if (client != NULL)
		client_begin_stats(client, subject);
}
