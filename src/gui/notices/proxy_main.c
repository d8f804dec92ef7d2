/*
 * notification-proxy: the notification server of a qube's session. What programs want to show goes
 * to the host by the service qubes.Notifications. Started by the bus when a program first asks for
 * it; no program of the host.
 */
#include <gio/gio.h>
#include <signal.h>
#include <string.h>

#include "base/buf.h"
#include "gui/notices/notice.h"

#define NAME "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"
/* For programs that wait for the end of what they showed. */
#define SHOWN_MS 10000
#define REASON_EXPIRED 1
#define REASON_CLOSED 3

static const char interface_text[] =
	"<node><interface name='" NAME "'>"
	"<method name='Notify'><arg type='s' direction='in'/><arg type='u' direction='in'/>"
	"<arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='s' direction='in'/>"
	"<arg type='as' direction='in'/><arg type='a{sv}' direction='in'/>"
	"<arg type='i' direction='in'/><arg type='u' direction='out'/></method>"
	"<method name='CloseNotification'><arg type='u' direction='in'/></method>"
	"<method name='GetCapabilities'><arg type='as' direction='out'/></method>"
	"<method name='GetServerInformation'><arg type='s' direction='out'/>"
	"<arg type='s' direction='out'/><arg type='s' direction='out'/>"
	"<arg type='s' direction='out'/></method>"
	"<signal name='NotificationClosed'><arg type='u'/><arg type='u'/></signal>"
	"</interface></node>";

struct proxy {
	GMainLoop *loop;
	GDBusConnection *bus;
	GSubprocess *call; /* NULL: none */
	guint32 last_id;
};

struct shown {
	struct proxy *proxy;
	guint32 id;
};

static gboolean
send_bytes(struct proxy *p, const void *bytes, gsize size)
{
	GOutputStream *stream = g_subprocess_get_stdin_pipe(p->call);

	return g_output_stream_write_all(stream, bytes, size, NULL, NULL, NULL) &&
	       g_output_stream_flush(stream, NULL, NULL);
}

static gboolean
start_call(struct proxy *p)
{
	const guint8 version[4] = {NOTICE_VERSION & 0xff, NOTICE_VERSION >> 8 & 0xff,
		NOTICE_VERSION >> 16 & 0xff, NOTICE_VERSION >> 24};

	g_clear_object(&p->call);
	p->call =
		g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE,
			NULL, "qrexec-client-vm", "@default", "qubes.Notifications", NULL);
	return p->call != NULL && send_bytes(p, version, sizeof(version));
}

/* A call that has ended is made once more. */
static gboolean
send_notice(struct proxy *p, const struct notice *notice)
{
	struct buf b;
	gboolean sent;

	buf_init(&b, NOTICE_RECORD_MAX);
	notice_put(&b, notice);
	sent = p->call != NULL && g_subprocess_get_identifier(p->call) != NULL &&
	       send_bytes(p, buf_data(&b), buf_len(&b));
	if (!sent)
		sent = start_call(p) && send_bytes(p, buf_data(&b), buf_len(&b));
	buf_finish(&b);
	return sent;
}

static void
emit_closed(struct proxy *p, guint32 id, guint32 reason)
{
	g_dbus_connection_emit_signal(p->bus, NULL, PATH, NAME, "NotificationClosed",
		g_variant_new("(uu)", id, reason), NULL);
}

static gboolean
handle_expired(gpointer data)
{
	struct shown *s = data;

	emit_closed(s->proxy, s->id, REASON_EXPIRED);
	g_free(s);
	return G_SOURCE_REMOVE;
}

static guint32
urgency_of(GVariant *hints)
{
	guint8 urgency = NOTICE_NORMAL;

	g_variant_lookup(hints, "urgency", "y", &urgency);
	return urgency <= NOTICE_CRITICAL ? urgency : NOTICE_NORMAL;
}

static void
handle_notify(struct proxy *p, GVariant *parameters, GDBusMethodInvocation *invocation)
{
	const char *program, *icon, *summary, *body;
	GVariant *actions, *hints;
	struct notice *notice = g_new0(struct notice, 1);
	struct shown *shown;
	guint32 id;
	gint32 expire_ms;

	g_variant_get(parameters, "(&su&s&s&s@as@a{sv}i)", &program, &id, &icon, &summary, &body,
		&actions, &hints, &expire_ms);
	notice->urgency = urgency_of(hints);
	notice->expire_ms = expire_ms > 0 ? MIN((guint32)expire_ms, NOTICE_EXPIRE_MAX_MS) : 0;
	g_strlcpy(notice->untrusted_summary, summary, sizeof(notice->untrusted_summary));
	g_strlcpy(notice->untrusted_body, body, sizeof(notice->untrusted_body));
	g_variant_unref(actions);
	g_variant_unref(hints);
	if (id == 0)
		id = ++p->last_id;
	if (send_notice(p, notice)) {
		shown = g_new0(struct shown, 1);
		*shown = (struct shown){p, id};
		g_timeout_add(notice->expire_ms > 0 ? notice->expire_ms : SHOWN_MS, handle_expired,
			shown);
		g_dbus_method_invocation_return_value(invocation, g_variant_new("(u)", id));
	} else {
		g_dbus_method_invocation_return_dbus_error(
			invocation, NAME ".Error", "the host does not take notifications");
	}
	g_free(notice);
}

static void
handle_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
	const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
	static const char *const capabilities[] = {"body", NULL};
	struct proxy *p = data;
	guint32 id;

	(void)sender;
	(void)path;
	(void)interface;
	p->bus = bus;
	if (strcmp(method, "Notify") == 0) {
		handle_notify(p, parameters, invocation);
	} else if (strcmp(method, "GetCapabilities") == 0) {
		g_dbus_method_invocation_return_value(
			invocation, g_variant_new("(^as)", capabilities));
	} else if (strcmp(method, "GetServerInformation") == 0) {
		g_dbus_method_invocation_return_value(
			invocation, g_variant_new("(ssss)", "notification-proxy", "Bulkhead",
					    BULKHEAD_VERSION, "1.2"));
	} else {
		g_variant_get(parameters, "(u)", &id);
		emit_closed(p, id, REASON_CLOSED);
		g_dbus_method_invocation_return_value(invocation, NULL);
	}
}

static const GDBusInterfaceVTable table = {.method_call = handle_call};

static void
handle_bus(GDBusConnection *bus, const char *name, gpointer data)
{
	GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(interface_text, NULL);

	(void)name;
	g_dbus_connection_register_object(bus, PATH, node->interfaces[0], &table, data, NULL, NULL);
	g_dbus_node_info_unref(node);
}

/* Another server has the name, or the bus is gone. */
static void
handle_lost(GDBusConnection *bus, const char *name, gpointer data)
{
	struct proxy *p = data;

	(void)bus;
	(void)name;
	g_main_loop_quit(p->loop);
}

int
main(void)
{
	struct proxy p = {.loop = g_main_loop_new(NULL, FALSE)};

	signal(SIGPIPE, SIG_IGN);
	g_bus_own_name(G_BUS_TYPE_SESSION, NAME, G_BUS_NAME_OWNER_FLAGS_NONE, handle_bus, NULL,
		handle_lost, &p, NULL);
	g_main_loop_run(p.loop);
	return 0;
}
