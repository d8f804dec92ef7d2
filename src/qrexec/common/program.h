/*
 * Starting the program of a call, as cheaply as the kernel allows: no copy of our memory, one
 * pidfd-able child, its errors known at once. The child has only its three standard
 * descriptors (and those listed), default signals, and no parent's session if asked.
 */
#ifndef BULKHEAD_QREXEC_PROGRAM_H
#define BULKHEAD_QREXEC_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct program {
	const char *path; /* not searched in PATH */
	const char *const *argv;
	char *const *environment;
	int stdin_fd; /* -1: /dev/null */
	int stdout_fd;
	int stderr_fd;
	const int *keep_fds; /* further descriptors the program inherits, under their number */
	size_t keep_count;
	const char *directory; /* NULL: unchanged; a failure to enter is tolerated */
	bool new_session;
	bool search_path; /* look for argv[0] in PATH, as a shell does */
};

#define PROGRAM_INIT                                                                               \
	{                                                                                          \
		.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1                                   \
	}

/* The pid, or a negative errno, that of a failed exec among them. */
pid_t program_start(const struct program *program);

/* The exit code for a failed start, spec 4.4: ENOENT is 127, all else 125. */
int program_failure_code(int error);

/*
 * The standard descriptors of a program whose streams we carry. stdin is a socket, so that the
 * program can use it for both directions (spec 2.9); stdout and stderr are large pipes. Ours
 * are non-blocking, all are close-on-exec.
 */
struct program_stdio {
	int ours[3];
	int theirs[3];
};

/* Without `with_stderr`, ours[2] and theirs[2] are -1. 0 or negative errno. */
int program_stdio_create(bool with_stderr, struct program_stdio *ret_stdio);
void program_stdio_close_theirs(struct program_stdio *stdio);
void program_stdio_close(struct program_stdio *stdio);

#endif
