/*
 * policy-prompt: shows one question in a window, writes the answer to whoever asked, and ends.
 * Started by qrexec-policy-agent with the asker's connection as descriptor 0 and an environment
 * of its own making. The names it shows were chosen by qubes, the request was put together by the
 * policy daemon. Gives its privileges up once the window is made.
 */
#include <gio/gio.h>
#include <glib-unix.h>
#include <gtk/gtk.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "qrexec/prompt/window.h"

static void
handle_answer(const char *answer)
{
	if (write_all(STDIN_FILENO, answer, strlen(answer)) < 0)
		log_warning("the answer comes too late");
	/* The window goes before the process does, so that nothing is left on the screen. */
	gdk_display_sync(gdk_display_get_default());
	_exit(0);
}

static gboolean
handle_asker_gone(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	(void)data;
	log_info("the asker went away");
	_exit(0);
}

/* What a display or a user may set elsewhere is set here, which wins. */
static void
fix_settings(void)
{
	GtkSettings *settings = gtk_settings_get_default();

	g_object_set(settings, "gtk-theme-name", "Adwaita", "gtk-application-prefer-dark-theme",
		FALSE, "gtk-font-name", "Sans 11", "gtk-key-theme-name", NULL, "gtk-modules", NULL,
		"gtk-enable-animations", FALSE, "gtk-cursor-blink", FALSE, "gtk-im-module",
		"gtk-im-context-simple", "gtk-enable-event-sounds", FALSE, NULL);
}

/* A dot drawn with lines: the theme's is a picture for a loader that is not there. */
static void
add_style(void)
{
	static const char style[] = "radio:checked, radio:checked:disabled {"
				    " -gtk-icon-source: none; background-image: none;"
				    " background-color: white; border: 5px solid #3584e4; "
				    "min-width: 6px; min-height: 6px; }";
	GtkCssProvider *provider = gtk_css_provider_new();

	gtk_css_provider_load_from_data(provider, style, -1, NULL);
	gtk_style_context_add_provider_for_screen(gdk_screen_get_default(),
		GTK_STYLE_PROVIDER(provider), GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
	g_object_unref(provider);
}

/* The connection to the display is open, fonts may still be read; nothing else is needed. */
static void
confine(void)
{
	static const int syscalls[] = {
		SYS_access,
		SYS_fadvise64,
		SYS_fstatfs,
		SYS_getdents64,
		SYS_geteuid,
		SYS_getuid,
		SYS_open,
		SYS_openat,
		SYS_pread64,
		SYS_readlink,
		SYS_sched_yield,
		SYS_shmat,
		SYS_shmctl,
		SYS_shmdt,
		SYS_shmget,
		SYS_stat,
		SYS_statfs,
		SYS_statx,
		SYS_uname,
		/* a thread of the font library that is just starting */
		SYS_prctl,
		SYS_rseq,
		SYS_sched_getaffinity,
		SYS_sched_getattr,
		SYS_sched_setattr,
		SYS_set_robust_list,
	};
	AUTO_ERR struct err err = ERR_INIT;

	if (sandbox_enter(syscalls, sizeof(syscalls) / sizeof(syscalls[0]), &err) < 0)
		fatal("%s", err_message(&err));
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct request request;
	char *text;
	size_t size;

	log_init("policy-prompt");
	if (argc != 2 || strcmp(argv[1], "--ask") != 0)
		fatal("is started by qrexec-policy-agent(1)");
	if (request_receive(STDIN_FILENO, &text, &size, &err) < 0 ||
		request_parse(REQUEST_ASK, text, size, &request, &err) < 0)
		fatal("%s", err_message(&err));
	free(text);
	gdk_set_allowed_backends("x11");
	if (!gtk_init_check(NULL, NULL))
		fatal("cannot open the display '%s': nobody is asked", g_getenv("DISPLAY"));
	fix_settings();
	add_style();
	g_unix_fd_add(STDIN_FILENO, G_IO_HUP | G_IO_ERR, handle_asker_gone, NULL);
	window_show(&request, handle_answer);
	confine();
	gtk_main();
	return 0;
}
