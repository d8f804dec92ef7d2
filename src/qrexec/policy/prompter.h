/*
 * The seam to the prompt: something that asks the user and brings the answer back later. Without
 * one, an ask is a refusal.
 */
#ifndef BULKHEAD_QREXEC_POLICY_PROMPTER_H
#define BULKHEAD_QREXEC_POLICY_PROMPTER_H

#include "qrexec/policy/policy.h"

struct prompt; /* one that is open */

enum prompt_outcome {
	PROMPT_ANSWERED, /* with a text */
	PROMPT_FAILED,   /* nobody could be asked; the prompter has logged why */
	PROMPT_TIMED_OUT,
};

/*
 * `untrusted_answer` as in policy_prompt_answer(), after "allow:CHOICE" perhaps a blank and a
 * term (grant_list.h); NULL unless answered. Called once, not from within start().
 */
typedef void (*prompt_callback)(
	enum prompt_outcome outcome, const char *untrusted_answer, void *data);

struct prompter {
	/*
	 * Opens a prompt for an ask, or puts it into the queue. What it needs of the arguments it
	 * copies. NULL: the user has too many of this caller's to answer.
	 */
	struct prompt *(*start)(struct prompter *p, const struct policy_view *v,
		const struct policy_request *request, const struct policy_decision *asked,
		prompt_callback callback, void *data);
	/* Closes it without an answer: the caller went away. */
	void (*cancel)(struct prompt *prompt);
	/* Tells the user of an outcome; a failure is only logged. */
	void (*notify)(struct prompter *p, const struct policy_notification *notification);
};

#endif
