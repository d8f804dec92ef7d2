/*
 * What the policy daemon asks to be shown (docs/protocols/policy-agent.md), checked: every text
 * here may be put on a screen or a terminal. Runs in the short-lived process of one prompt. The
 * daemon is trusted; the names in the request were chosen by qubes.
 */
#ifndef BULKHEAD_QREXEC_PROMPT_REQUEST_H
#define BULKHEAD_QREXEC_PROMPT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define REQUEST_MAX_BYTES (8u << 20)
#define REQUEST_MAX_TARGETS 40000
#define REQUEST_NAME_MAX 127
#define REQUEST_SERVICE_MAX 255
/* Longer arguments are shown by their beginning and end. */
#define REQUEST_ARGUMENT_SHOWN 160

#define REQUEST_NO_COLOR UINT32_MAX

/* What is drawn before a name. */
enum request_shape {
	SHAPE_QUBE,
	SHAPE_DISPOSABLE,
	SHAPE_HOST,
};

struct request_qube {
	char *name;  /* as the protocol has it: NAME, "@dispvm:NAME", "@adminvm" */
	char *words; /* as it is shown */
	enum request_shape shape;
	uint32_t color; /* 0xrrggbb, REQUEST_NO_COLOR: unknown */
};

enum request_kind {
	REQUEST_ASK,
	REQUEST_NOTIFY,
};

/* How long an answer may hold, as bits by their place in request_terms. */
struct request_term {
	const char *name, *words;
};
#define REQUEST_TERMS 4
extern const struct request_term request_terms[REQUEST_TERMS];

struct request {
	enum request_kind kind;
	struct request_qube source;
	char *service;
	char *argument; /* as it is shown, without its "+"; "" for none */

	/* Of a prompt. */
	struct request_qube *targets; /* sorted by what is shown */
	size_t target_count;
	size_t default_target; /* index; target_count: none */
	bool bad_default;      /* there was one, and it is not among the targets */
	unsigned terms;        /* bits; 0: the asker knows of no terms */

	/* Of a notification. */
	char *resolution; /* "Allowed", "Denied", "Failed" */
	char *target;
};

/* 0, or -1 with the error, and *ret is not to be used. */
int request_parse(enum request_kind kind, const char *untrusted_text, size_t size,
	struct request *ret, struct err *err);
void request_finish(struct request *r);

#define AUTO_REQUEST __attribute__((cleanup(request_finish)))

/* The answer to a prompt, without line end; the caller frees it. */
char *request_answer(const struct request *r, size_t target, size_t term);

/*
 * The question reaches a process of ours on a socket: reads it to its end, within the limits and
 * ten seconds. 0 or -1 with the error. The caller frees.
 */
int request_receive(int fd, char **ret_text, size_t *ret_size, struct err *err);

#endif
