/* One connection: its bytes, its time limits, its end. */
#ifndef BULKHEAD_ADMIN_API_CLIENT_H
#define BULKHEAD_ADMIN_API_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/list.h"

/* Events that wait for a reader who does not read, in bytes; then it is dropped. */
#define EVENTS_PENDING_MAX ((size_t)256 * 1024)

struct api;
struct client;
struct err;
struct event;
struct request;

/* Takes the descriptor over. NULL with errno set. */
struct client *client_create(struct api *api, int fd, bool is_internal);
/* The request under way, if any, goes on without it. */
void client_destroy(struct client *c);
void client_destroy_all(struct api *api);
/* The one that has been connected for longest without a complete request, or NULL. */
struct client *client_oldest_silent(const struct api *api);

/* Who connected, or 0 when that can not be told. */
pid_t client_process(const struct client *c);
bool client_is_internal(const struct client *c);
/* Notes which qube it speaks for. */
void client_set_caller(struct client *c, const char *caller);
/* How many clients speak for that qube. */
size_t client_count_of(const struct api *api, const char *caller);
/* Sets (or with NULL unsets) the request that will answer. */
void client_set_request(struct client *c, struct request *r);

/* Sends the bytes and closes when they are taken. The client must not be used after. */
void client_answer(struct client *c, const void *bytes, size_t size);
/* Closes without a byte. */
void client_close(struct client *c);
/*
 * From now on events go to the client: all, or with a subject those of that qube, or with a
 * source those that this caller may hear.
 */
void client_begin_events(struct client *c, const char *subject, const char *source);
/* From now on statistics go to the client: of all qubes, or with a subject of that one. */
void client_begin_stats(struct client *c, const char *subject);

/* Sends one event of a stream. False: the client can not take it and is destroyed. */
bool client_send_event(struct client *c, const struct event *event);
/* Ends a stream with an exception; the client must not be used after. */
void client_end_events(struct client *c, const struct err *err);

#endif
