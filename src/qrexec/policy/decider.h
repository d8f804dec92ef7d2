/*
 * Where requests meet the policy in force, the facts and the prompt. Both servers of the policy
 * daemon ask here; so may any other process that holds a loop.
 */
#ifndef BULKHEAD_QREXEC_POLICY_DECIDER_H
#define BULKHEAD_QREXEC_POLICY_DECIDER_H

#include "base/loop.h"
#include "qrexec/policy/decision_log.h"
#include "qrexec/policy/files.h"
#include "qrexec/policy/prompter.h"

struct decider;
struct inquiry;

struct decider_config {
	const struct policy_directories *directories;
	struct prompter *prompter; /* NULL: an ask is refused */
	struct decision_log *log;  /* NULL: none */
};

/* NULL with errno set. The configuration's objects are borrowed. */
struct decider *decider_create(struct loop *loop, const struct decider_config *config);
void decider_destroy(struct decider *d);

struct inquiry_question {
	struct policy_request request; /* borrowed until the callback or the cancellation */
	bool assume_yes;               /* an ask is answered yes for the requested target */
	bool just_evaluate;            /* nobody is asked or told, nothing is logged */
};

/*
 * The final decision (allow or deny), and the view it was made with, NULL when there were no
 * facts. Called once; the inquiry is over.
 */
typedef void (*inquiry_callback)(const struct policy_view *v, const struct policy_decision *d,
	const struct inquiry_question *question, void *data);

/*
 * Decides. Usually the callback is made from within, and NULL returned; otherwise it comes later,
 * or never after inquiry_cancel().
 */
struct inquiry *decider_ask(struct decider *d, const struct inquiry_question *question,
	inquiry_callback callback, void *data);
void inquiry_cancel(struct inquiry *i);

#endif
