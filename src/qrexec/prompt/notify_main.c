/*
 * policy-notify: shows one notification by the desktop's own means, and ends. Started by
 * qrexec-policy-agent with the policy daemon's connection as descriptor 0.
 */
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "qrexec/prompt/request.h"

#define TIMEOUT_MS 5000
#define SHOWN_MS 10000

static char *
format_body(const struct request *r)
{
	/* The body is markup where the server understands it. */
	return g_markup_printf_escaped("<b>%s</b> of qube <b>%s</b> to <b>%s</b>%s%s", r->service,
		r->source.words, r->target, r->argument[0] != '\0' ? "\nargument: " : "",
		r->argument);
}

static void
notify(const struct request *r)
{
	GError *error = NULL;
	char *title = g_strdup_printf("%s: %s", r->resolution, r->service);
	char *body = format_body(r);
	GDBusConnection *bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &error);
	GVariant *arguments, *result;

	if (bus == NULL)
		fatal("cannot notify: %s", error->message);
	arguments = g_variant_new(
		"(susssasa{sv}i)", "Bulkhead", 0, "", title, body, NULL, NULL, SHOWN_MS);
	result = g_dbus_connection_call_sync(bus, "org.freedesktop.Notifications",
		"/org/freedesktop/Notifications", "org.freedesktop.Notifications", "Notify",
		arguments, NULL, G_DBUS_CALL_FLAGS_NONE, TIMEOUT_MS, NULL, &error);
	if (result == NULL)
		fatal("cannot notify: %s", error->message);
	g_variant_unref(result);
	g_object_unref(bus);
	g_free(title);
	g_free(body);
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_REQUEST struct request request = {0};
	AUTO_FREE char *text = NULL;
	size_t size;

	log_init("policy-notify");
	if (argc != 2 || strcmp(argv[1], "--notify") != 0)
		fatal("is started by qrexec-policy-agent(1)");
	if (request_receive(STDIN_FILENO, &text, &size, &err) < 0 ||
		request_parse(REQUEST_NOTIFY, text, size, &request, &err) < 0)
		fatal("%s", err_message(&err));
	/* Nothing is answered; the asker need not wait for the desktop. */
	close(STDIN_FILENO);
	notify(&request);
	return 0;
}
