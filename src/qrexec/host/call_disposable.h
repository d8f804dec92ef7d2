/*
 * The disposable that is made for one call and goes with it. Runs in qrexec-daemon; the name is
 * the admin daemon's answer, and is checked.
 *
 * What is being created can only be killed once its name is known: destroying it earlier leaves
 * it to the admin daemon.
 */
#ifndef BULKHEAD_QREXEC_HOST_CALL_DISPOSABLE_H
#define BULKHEAD_QREXEC_HOST_CALL_DISPOSABLE_H

#include <stdbool.h>

struct call_disposable;
struct loop;

struct call_disposable_config {
	struct loop *loop;
	const char *admin_socket; /* borrowed until it is destroyed */
	const char *base;         /* the disposable template, or empty for the default one */
	bool by_uuid;             /* its name shall be uuid:... */
	/* With the name to connect to, or NULL when there is none. */
	void (*handle_created)(const char *name, void *data);
	/* It was killed, or could not be, which is in the log. */
	void (*handle_killed)(void *data);
	void *data;
};

/* NULL with errno. Handlers are called from the loop and may destroy it. */
struct call_disposable *call_disposable_create(const struct call_disposable_config *config);

/*
 * For one that was created; once. Asks again while nobody answers, as the admin daemon may be
 * starting. 0, or -1 when it could not be asked for, which is in the log.
 */
int call_disposable_kill(struct call_disposable *d);

/* Forgets it, without killing it. */
void call_disposable_destroy(struct call_disposable *d);

#endif
