/*
 * Services: the command string that starts one, the descriptor NAME+ARGUMENT in it, the look-up
 * of its file, and the variables a service finds. Used by the agent, the fork server and, for
 * services of dom0, by the host's programs. Commands come from dom0 and are trusted as to
 * intent; descriptor and source in them have been through policy.
 */
#ifndef BULKHEAD_QREXEC_SERVICE_H
#define BULKHEAD_QREXEC_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SERVICE_NAME_MAX 255 /* of NAME, and of NAME+ARGUMENT as a file name */
#define SERVICE_PATH_DEFAULT "/run/qubes-rpc:/usr/local/etc/qubes-rpc:/etc/qubes-rpc"

/*
 * A command, spec 4.2: `user:[nogui:]REST` or, in dom0, `[nogui:]REST`. All text is owned.
 * When `descriptor` is not NULL it is a service call, else `shell` is a shell command.
 */
struct command {
	char *user; /* NULL when parsed without one */
	bool nogui;
	char *shell;

	char *line;       /* what follows "QUBESRPC ", as received: first bytes to a socket */
	char *descriptor; /* NAME or NAME+ARGUMENT as received */
	char *name;
	char *argument; /* NULL when there is no '+' */
	char *source;
	char *target_type; /* "name", "keyword", or NULL when not given */
	char *target;
	bool words_valid; /* 2 or 4 words: what an executable needs */
};

/* 0, or -1 with the error (then the call ends with QREXEC_EXIT_PROBLEM). */
int command_parse(const char *text, bool with_user, struct command *ret_command, struct err *err);
void command_finish(struct command *command);

enum service_kind {
	SERVICE_EXECUTABLE,
	SERVICE_UNIX,
	SERVICE_TCP,
};

struct service {
	enum service_kind kind;
	char *path; /* of the file found */
	int fd;     /* O_PATH, close-on-exec: the very file that was checked; -1 for TCP */
	char *host; /* TCP: numeric address and port */
	char *port;
};

/*
 * Finds the file of a service call in $QREXEC_SERVICE_PATH (or the default). 0; otherwise
 * QREXEC_EXIT_NOT_FOUND or QREXEC_EXIT_PROBLEM, with the error set.
 */
int service_find(const struct command *command, struct service *ret_service, struct err *err);
void service_finish(struct service *service);

/*
 * Connects to a unix or TCP service: a blocking stream socket, or -1 with the error. Nothing is
 * sent yet; the first bytes are command->line with its NUL unless configured away.
 */
int service_connect(const struct service *service, struct err *err);

/*
 * The look-up behind it, also used for configuration files (spec 4.3): first NAME+ARGUMENT in
 * every directory of the colon-separated path, then NAME. A borrowed fd is never returned: the
 * caller closes. 0 and the open entry; -ENOENT; another negative errno: stop.
 */
struct service_entry {
	char *path;
	int fd;     /* O_PATH of the target of the entry; -1 for /dev/tcp links */
	char *link; /* the text of a link to /dev/tcp, else NULL */
};

int service_lookup(
	const struct command *command, const char *directories, struct service_entry *ret_entry);
void service_entry_finish(struct service_entry *entry);

/*
 * The environment of an executable service, spec 4.5: `base` (NULL: our environ) without the
 * variables that begin with QREXEC (but QREXEC_SERVICE_PATH and QREXEC_AGENT_PID), and the
 * call's own. The array and its strings are one block: free() it. Ends the process without
 * memory.
 */
char **service_environment(const struct command *command, char *const *base);

/*
 * The same for a shell command or a local program: cleaned, plus `extra` (NULL-terminated
 * "NAME=VALUE" strings, may be NULL), which replace variables of the same name.
 */
char **program_environment(char *const *base, const char *const *extra);

#endif
