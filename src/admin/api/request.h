/*
 * One call: parsed, checked against its method's row, handed to the handler, answered once, now
 * or later. Handlers call exactly one of the request_…() that end it.
 */
#ifndef BULKHEAD_ADMIN_API_REQUEST_H
#define BULKHEAD_ADMIN_API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/api/api_private.h"
#include "admin/model/note.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

/* Largest request in bytes, header and payload (spec 8.1). */
#define REQUEST_MAX_BYTES 65536
/* The same for methods that take long texts: notes. */
#define REQUEST_LONG_MAX_BYTES (NOTE_MAX_BYTES + 1024)
/* Largest answer; ours. */
#define REPLY_MAX_BYTES ((size_t)16 * 1024 * 1024)

struct client;
struct method;

/* The header's fields, pointing into the bytes that were parsed. */
struct request_parts {
	const char *method;
	const char *argument; /* "" when there is none */
	const char *source;
	const char *destination;
	const char *payload; /* a NUL stands behind it */
	size_t payload_size;
};

/*
 * Splits a request in place; `untrusted_bytes` has one more byte than `size`, which is
 * overwritten. 0, or -EBADMSG for a framing error.
 */
int request_parse(char *untrusted_bytes, size_t size, struct request_parts *ret_parts);

/* How large a request may get that begins so. */
size_t request_size_limit(const char *untrusted_bytes, size_t size);

/* Appends an answer that is an exception (8.2). 0 or a negative errno. */
int answer_put_exception(struct buf *out, const struct err *err);

struct request {
	struct list link; /* api.requests */
	struct api *api;
	struct client *client; /* NULL once it has gone */
	const struct method *method;
	char *bytes; /* owned; what the parts point into */
	const char *argument;
	char source[QUBE_NAME_MAX + 1]; /* the calling qube, known to exist when it called */
	bool from_dom0;
	struct qube *destination;
	bool pinned;
	const char *payload;
	size_t payload_size;
	struct buf out; /* the answer's content so far */
	bool out_failed;
};

/* Takes over `bytes`. Answers by itself what does not pass the checks of 8.1. */
void request_begin(struct api *api, struct client *client, char *bytes, size_t size);

/* Keeps the destination from being removed until the request ends. */
void request_pin(struct request *r);

/* Add to the answer. What does not fit is noticed at the end. */
void request_print(struct request *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void request_put(struct request *r, const char *text);
/* Text with backslash, newline (and, if asked, space) escaped. */
void request_put_escaped(struct request *r, const char *text, bool escape_space);

/* Ends all requests without an answer; their clients have gone. */
void request_destroy_all(struct api *api);

/* The ends: with what was added; with an error; for functions that return 0 or -1. */
void request_reply(struct request *r);
void request_fail(struct request *r, const struct err *err);
void request_finish(struct request *r, int result, const struct err *err);
/* As a callback of lifecycle and storage: `data` is the request. */
void request_handle_done(void *data, const struct err *err);
/* Fails with an exception of that class. */
void request_refuse(struct request *r, const char *kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Turns the connection into a stream of events: the request ends, the client stays. */
void request_become_stream(struct request *r);

/* The payload as text. -1 (and the request is refused) when there are NULs in it. */
int request_text_payload(struct request *r, const char **ret_text);

/*
 * The validator of numbers in payloads (section 10). `name` begins with a capital. A minus only
 * with `may_be_negative`. 0 or -1 with the error.
 */
int parse_payload_number(const struct request *r, const char *name, bool may_be_negative,
	int64_t *ret_number, struct err *err);
int parse_payload_bool(const struct request *r, bool *ret_flag, struct err *err);

#endif
