/* The one place that makes a gui-daemon's command line: what decorates windows is never left out.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "gui/launcher/launcher.h"

#define ARGUMENTS_MAX 24
#define LOG_MODE 0640

/* As gui-daemon sees it. */
#define CALLS_FD 3
#define CALLS_FD_TEXT "3"

/* Tests run programs of their own. */
char *
launcher_program(const char *name)
{
	const char *directory = getenv("BULKHEAD_WINDOWS_PROGRAMS");

	return path_join(directory != NULL ? directory : BULKHEAD_BINDIR, name);
}

char *
launcher_helper(const char *name)
{
	const char *directory = getenv("BULKHEAD_WINDOWS_PROGRAMS");

	return path_join(directory != NULL ? directory : BULKHEAD_LIBEXECDIR, name);
}

/* What asks the user in a window. Without it a qube that sends nonsense is not asked about. */
static bool
can_ask(void)
{
	const char *at = getenv("PATH");

	while (at != NULL && *at != '\0') {
		size_t length = strcspn(at, ":");
		AUTO_FREE char *path = text_format("%.*s/notify-send", (int)length, at);

		if (access(path, X_OK) == 0)
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

char *
launcher_write_config(const struct gui_qube *q, struct err *err)
{
	char *path = root_path("/run/qubes/guid-conf.%u", q->domain);

	if (write_file(path, buf_data(&q->config), buf_len(&q->config), 0640, err) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

pid_t
launcher_start_daemon(const struct gui_qube *q, bool foreground, int calls_fd,
	const struct launcher_options *options, struct err *err)
{
	AUTO_FREE char *program = launcher_program("gui-daemon");
	AUTO_FREE char *domain = text_format("%u", q->domain);
	AUTO_FREE char *index = text_format("%u", q->label_index);
	AUTO_FREE char *icon =
		text_format("/usr/share/icons/hicolor/128x128/devices/appvm-%s.png", q->label_name);
	AUTO_FREE char *scheme = text_format("_KDE_NET_WM_COLOR_SCHEME=s:%s.colors", q->label_name);
	AUTO_FREE char *config_path = launcher_write_config(q, err);
	AUTO_FREE char *log_path = root_path("/var/log/qubes/guid.%s.log", q->name);
	const char *argv[ARGUMENTS_MAX] = {program, "-N", q->name, "-c", q->label_colour, "-l",
		index, "-C", config_path, "-d", domain, "-T"};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_FD int log_fd = -1;
	struct child_fd fds[2];
	size_t count = 12;

	if (config_path == NULL)
		return -1;
	if (access(icon, R_OK) == 0) {
		argv[count++] = "-i";
		argv[count++] = icon;
	}
	if (options->kde) {
		argv[count++] = "-p";
		argv[count++] = scheme;
	}
	argv[count++] = q->debug || options->debug ? "-v" : "-q";
	argv[count++] = foreground ? "-f" : "-n";
	if (foreground)
		log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
	if (calls_fd >= 0) {
		argv[count++] = "--icons-fd";
		argv[count++] = CALLS_FD_TEXT;
	}
	if (can_ask())
		argv[count++] = "--on-violation=ask";
	fds[0] = (struct child_fd){log_fd >= 0 ? log_fd : 2, 2};
	fds[1] = (struct child_fd){calls_fd, CALLS_FD};
	config.argv = argv;
	config.fds = fds;
	config.fd_count = calls_fd >= 0 ? 2 : 1;
	config.die_with_parent = foreground;
	return child_start(&config, err);
}
