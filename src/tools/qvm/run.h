/*
 * qvm-run in parts: what the command line asks (run.c), which service that means for a qube
 * (run_service.c), and the call itself (run_call.c).
 */
#ifndef BULKHEAD_TOOLS_QVM_RUN_H
#define BULKHEAD_TOOLS_QVM_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The exit status when no call could be made. */
#define RUN_FAILED 1

struct run_request {
	const char *user;          /* NULL: the qube's default user */
	const char *local_command; /* NULL: our own stdin and stdout */
	const char *const *words;  /* COMMAND and its ARGs */
	size_t word_count;
	bool start; /* start the qube when it does not run */
	bool pass_io;
	bool service; /* COMMAND is the name of a service */
	bool no_shell;
	bool disposable;
	int gui; /* 1, 0, or -1: where there is a display and the qube has a GUI */
	int stdout_colour, stderr_colour; /* 0: none */
	bool filter_stdout, filter_stderr;
	bool quiet;
	bool local; /* in dom0; else calls leave through qrexec-client-vm */
};

/* One service to call, with what goes to its stdin before ours. */
struct run_service {
	char *name;         /* owned: NAME or NAME+ARGUMENT */
	char *prefix;       /* owned text, or NULL */
	char *session_user; /* owned: wait for this user's session first; or NULL */
};

/* Chooses the service for this qube by its features (spec cli.md section 6). */
void run_service_choose(const struct run_request *r, const char *qube, struct run_service *ret);
void run_service_finish(struct run_service *service);

#define AUTO_RUN_SERVICE __attribute__((cleanup(run_service_finish)))

/* Calls the service in the qube. Returns its exit status, or RUN_FAILED after a message. */
int run_call(const struct run_request *r, const char *qube, const struct run_service *service);

/* Starts or unpauses the qube if need be, then runs in it. Returns the exit status. */
int run_in_qube(const struct run_request *r, const char *qube);

/* Creates a disposable of a template ("": the default one), runs in it, and removes it. */
int run_in_disposable(const struct run_request *r, const char *template);

#endif
