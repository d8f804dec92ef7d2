/*
 * The Admin API (spec admin-api.md sections 8 to 12) on its two sockets: `qubesd.sock` for
 * admin.* and `qubesd.internal.sock` for programs of dom0. Runs in bulkheadd. Whoever can connect
 * may say who the caller is; every byte is hostile all the same, as qubes reach these sockets
 * through qrexec. Our own methods: docs/admin-api-extensions.md.
 */
#ifndef BULKHEAD_ADMIN_API_API_H
#define BULKHEAD_ADMIN_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Below root_path(). Mode 0660, group `qubes` where there is one. */
#define API_SOCKET "/run/qubesd.sock"
#define API_INTERNAL_SOCKET "/run/qubesd.internal.sock"

/* Defaults of the limits in struct api_config. */
#define API_CLIENTS_MAX 256
#define API_REQUEST_TIMEOUT_MS 30000
#define API_REPLY_TIMEOUT_MS 60000

/* Calls of one qube under way at a time, streams and those that it does not wait for among them. */
#define API_QUBE_CALLS_MAX 64
/* Unnamed disposables that are there of one qube's making. */
#define API_QUBE_DISPOSABLES_MAX 128

struct api;
struct app;
struct lifecycle;
struct loop;
struct qube;
struct storage;

/* For those who want other limits than the defaults. */
struct api_config {
	/* All borrowed; they outlive the API. */
	struct loop *loop;
	struct app *app;
	struct storage *storage;
	struct lifecycle *lifecycle;
	/* Time of the processor that a running qube has used, in ns; NULL: not known, 0. */
	uint64_t (*cpu_time_ns)(const struct qube *q, void *data);
	/* Whether the process is the qrexec-daemon of a running qube; NULL: none is. */
	bool (*is_call_daemon)(pid_t pid, void *data);
	void *data;
	/* 0: the default. */
	size_t clients_max;
	unsigned int request_timeout_ms; /* for a client to say what it wants */
	unsigned int reply_timeout_ms;   /* for a client to take its answer */
};

/*
 * Cleans up what an earlier daemon left (unnamed disposables that do not run, half-made
 * imports), then listens. Called when the lifecycle has taken up what runs. NULL with the error.
 */
struct api *api_create(struct loop *loop, struct app *app, struct storage *storage,
	struct lifecycle *lifecycle, struct err *err);
struct api *api_create_with(const struct api_config *config, struct err *err);
/* Closes all connections; what is under way loses its answer. Before lifecycle and storage. */
void api_destroy(struct api *api);

#endif
