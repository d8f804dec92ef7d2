/*
 * The seam to the prompt: something that asks the user and brings the answer back later. Without
 * one, an ask is a refusal.
 */
#ifndef BULKHEAD_QREXEC_POLICY_PROMPTER_H
#define BULKHEAD_QREXEC_POLICY_PROMPTER_H

#include "qrexec/policy/policy.h"

struct prompt; /* one that is open */

/* `untrusted_answer` as in policy_prompt_answer(); called once, not from within start(). */
typedef void (*prompt_callback)(const char *untrusted_answer, void *data);

struct prompter {
	/* Opens a prompt for an ask. What it needs of the arguments it copies. NULL: can not. */
	struct prompt *(*start)(struct prompter *p, const struct policy_view *v,
		const struct policy_request *request, const struct policy_decision *asked,
		prompt_callback callback, void *data);
	/* Closes it without an answer: the caller went away. */
	void (*cancel)(struct prompt *prompt);
	/* Tells the user of an outcome; a failure is only logged. */
	void (*notify)(struct prompter *p, const struct policy_notification *notification);
};

#endif
