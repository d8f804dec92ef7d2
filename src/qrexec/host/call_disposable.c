/*
 * Asking the admin daemon for a disposable and for its end; see call_disposable.h. Runs in
 * qrexec-daemon. Nothing here is the qube's: the base comes from the policy's answer.
 */
#include "qrexec/host/call_disposable.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/host/admin_call.h"
#include "qrexec/host/socket_names.h"

/* Until the admin daemon is back, should it be away: twice as long each time, half an hour in all.
 */
#define KILL_RETRY_MS 250
#define KILL_RETRY_MAX_MS 60000
#define KILL_ATTEMPTS_MAX 36

struct call_disposable {
	struct call_disposable_config config;
	char *name; /* once it exists */
	struct admin_call *admin;
	struct loop_timer *retry;
	unsigned int attempts; /* to kill it */
};

static void
handle_created(const char *content, const char *exception, void *data)
{
	struct call_disposable *d = data;
	bool valid = content != NULL && socket_target_valid(content);

	(void)exception;
	/* A UUID was asked for exactly when one was told. */
	if (valid && text_starts_with(content, "uuid:") != d->config.by_uuid)
		valid = false;
	if (valid)
		d->name = text_copy(content);
	admin_call_destroy(steal_ptr(d->admin));
	d->config.handle_created(d->name, d->config.data);
}

struct call_disposable *
call_disposable_create(const struct call_disposable_config *config)
{
	struct call_disposable *d = xcalloc(1, sizeof(*d));

	d->config = *config;
	d->admin =
		admin_call_create(config->loop, config->admin_socket, "admin.vm.CreateDisposable",
			config->base, config->by_uuid ? "uuid" : "", handle_created, d);
	d->config.base = NULL; /* was borrowed for the question only */
	if (d->admin == NULL) {
		int error = errno;

		free(d);
		errno = error;
		return NULL;
	}
	return d;
}

static void attempt_kill(struct call_disposable *d);

static void
handle_retry(struct loop_timer *timer, void *data)
{
	(void)timer;
	attempt_kill(data);
}

static void
retry_or_give_up(struct call_disposable *d)
{
	uint64_t delay_ms = KILL_RETRY_MAX_MS;

	if (d->attempts < 8)
		delay_ms = (uint64_t)KILL_RETRY_MS << d->attempts;
	if (++d->attempts < KILL_ATTEMPTS_MAX) {
		loop_timer_start(d->retry, delay_ms);
		return;
	}
	log_error("disposable '%s': could not be killed", d->name);
	d->config.handle_killed(d->config.data);
}

/* No answer at all: the admin daemon is being started again, and does not know that the call is
 * over. */
static void
handle_killed(const char *content, const char *exception, void *data)
{
	struct call_disposable *d = data;

	admin_call_destroy(steal_ptr(d->admin));
	if (content == NULL && exception[0] == '\0') {
		retry_or_give_up(d);
		return;
	}
	if (content == NULL && !text_equal(exception, "QubesVMNotFoundError") &&
		!text_equal(exception, "QubesVMNotStartedError"))
		log_error("disposable '%s': could not be killed", d->name);
	d->config.handle_killed(d->config.data);
}

static void
attempt_kill(struct call_disposable *d)
{
	d->admin = admin_call_create(d->config.loop, d->config.admin_socket, "admin.vm.Kill",
		d->name, "", handle_killed, d);
	if (d->admin == NULL)
		retry_or_give_up(d);
}

int
call_disposable_kill(struct call_disposable *d)
{
	d->retry = loop_timer_create(d->config.loop, handle_retry, d);
	if (d->retry == NULL) {
		log_error("disposable '%s': could not be killed", d->name);
		return -1;
	}
	attempt_kill(d);
	return 0;
}

void
call_disposable_destroy(struct call_disposable *d)
{
	if (d == NULL)
		return;
	admin_call_destroy(d->admin);
	loop_timer_destroy(d->retry);
	free(d->name);
	free(d);
}
