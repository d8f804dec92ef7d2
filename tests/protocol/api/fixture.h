/*
 * The real API over its real sockets, with real store, model and storage, in one process with
 * the test: a call steps the loop until it is answered. Machines are of a double (machines.h).
 */
#ifndef BULKHEAD_TESTS_PROTOCOL_API_FIXTURE_H
#define BULKHEAD_TESTS_PROTOCOL_API_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/api/api.h"
#include "admin/model/app.h"
#include "admin/storage/storage.h"
#include "admin/store/store.h"
#include "base/buf.h"
#include "base/loop.h"

struct fixture {
	struct loop *loop;
	struct store *store;
	struct storage *storage;
	struct app *app;
	struct api *api;
	struct api_config limits; /* only the limits are read */
};

/* Make and remove the root that the whole program uses; for cmocka's group set-up. */
int root_create(void **state);
int root_remove(void **state);
/* Start on an empty root, and stop; for each test. */
int fixture_start(void **state);
int fixture_stop(void **state);
/* Starts on a root that is there already. */
void fixture_resume(struct fixture *f);
/* Stops the daemon's parts and starts them again on the same root. */
void fixture_restart(struct fixture *f);
/* The same with other limits. */
void fixture_restart_with(struct fixture *f, const struct api_config *limits);

/* A connected client's descriptor. */
int fixture_connect(const struct fixture *f, bool internal);
/* Steps the loop until the descriptor is at its end; what came. The caller finishes the buf. */
void fixture_read_all(struct fixture *f, int fd, struct buf *ret_answer);
/* Steps until at least that many bytes came (or the end); appends them. */
void fixture_read_some(struct fixture *f, int fd, size_t size, struct buf *answer);
/* Steps the loop while anything happens. */
void fixture_settle(struct fixture *f);

/* Sends the bytes, half-closes, reads the whole answer. */
void fixture_exchange(
	struct fixture *f, bool internal, const void *bytes, size_t size, struct buf *ret_answer);

/* The content of a successful call, as a string the caller frees; fails the test otherwise. */
char *call_ok(struct fixture *f, const char *method, const char *dest, const char *payload);
char *call_ok_from(struct fixture *f, const char *source, const char *method, const char *dest,
	const char *payload);
/* The call's content must be this. */
void assert_call(struct fixture *f, const char *method, const char *dest, const char *payload,
	const char *content);
/* The call must fail with that class and message (as it is on the wire). */
void assert_refused(struct fixture *f, const char *method, const char *dest, const char *payload,
	const char *kind, const char *message);
/* The same from another caller. */
void assert_refused_from(struct fixture *f, const char *source, const char *method,
	const char *dest, const char *payload, const char *kind, const char *message);

/* Events of the whole app since the last call, one a line: "SUBJECT NAME KEY=VALUE ...". */
struct event_log {
	struct fixture *f;
	int fd;
	struct buf bytes;
};
void event_log_open(struct event_log *log, struct fixture *f, const char *dest);
/* Of that method, for that caller. */
void event_log_open_from(struct event_log *log, struct fixture *f, const char *method,
	const char *source, const char *dest);
char *event_log_take(struct event_log *log);
void event_log_close(struct event_log *log);
void assert_events(struct event_log *log, const char *expected);

/* machines.c: what the double says to those who keep disposables ready, and what it was asked. */
struct machines_spare {
	bool is_busy; /* others are being started */
	bool awaits_frozen;
	bool fails;           /* what is started does not come up */
	bool never_starts;    /* nor is it answered */
	uint64_t memory_mib;  /* that is to spare; 0: enough */
	unsigned int content; /* another one: templates have changed */
	char calls[4096];     /* services that were called: "SERVICE of NAME" */
};
extern struct machines_spare machines_spare;

/* machines.c: the last growth of a running disk that was asked for, "NAME:VOLUME SIZE". */
extern char machines_resized[128];

#endif
