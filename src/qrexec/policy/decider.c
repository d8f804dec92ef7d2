/* Making decisions; see decider.h. An inquiry waits for facts or for the user, never for another
 * inquiry. */
#include "qrexec/policy/decider.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/policy/facts_source.h"
#include "qrexec/policy/store.h"

struct decider {
	struct prompter *prompter;
	struct decision_log *log;
	struct policy_store *store;
	struct loop_fd *store_source;
	struct facts_source *facts;
	struct policy_view *view; /* the last one used */
	struct list waiting;      /* inquiry.link, in the order they came */
};

struct inquiry {
	struct decider *decider;
	struct list link; /* decider.waiting, while it waits for facts */
	uint64_t fetch;   /* that it waits for */
	struct inquiry_question question;
	inquiry_callback callback;
	void *data;
	struct prompt *prompt;          /* open */
	struct policy_view *asked_view; /* what the user was shown */
	char *answer;                   /* of the user; not trusted */
};

static void
inquiry_free(struct inquiry *i)
{
	list_remove(&i->link);
	policy_view_unref(i->asked_view);
	free(i->answer);
	free(i);
}

/* The end of every inquiry. `v` is NULL without facts. */
static void
finish(struct inquiry *i, const struct policy_view *v, const struct policy_decision *decision)
{
	struct decider *d = i->decider;
	struct policy_notification notification;

	if (!i->question.just_evaluate && d->log != NULL)
		decision_log_write(d->log, v, &i->question.request, decision, loop_now_ms());
	if (!i->question.just_evaluate && d->prompter != NULL && v != NULL) {
		policy_notification(v, &i->question.request, decision, &notification);
		if (notification.gui_qube != NULL)
			d->prompter->notify(d->prompter, &notification);
	}
	i->callback(v, decision, &i->question, i->data);
	inquiry_free(i);
}

static struct policy_view *
view_with(struct decider *d, struct policy_facts *facts)
{
	struct policy *policy = policy_store_current(d->store);

	if (d->view == NULL || policy_view_policy(d->view) != policy ||
		policy_view_facts(d->view) != facts) {
		policy_view_unref(d->view);
		d->view = policy_view_create(policy, facts);
	}
	return d->view;
}

static bool go_on(struct inquiry *i);

/* Whether a name stands for the same qube in both. */
static bool
same_qube(const struct policy_view *a, const struct policy_view *b, const char *name)
{
	const struct policy_facts *facts_a = policy_view_facts(a), *facts_b = policy_view_facts(b);
	uint32_t in_a = policy_facts_find(facts_a, name), in_b = policy_facts_find(facts_b, name);

	return in_a != POLICY_NONE && in_b != POLICY_NONE &&
	       text_equal(policy_facts_qube(facts_a, in_a)->uuid,
		       policy_facts_qube(facts_b, in_b)->uuid);
}

/*
 * The user has answered. Policy and qubes may have changed while the prompt was open: the
 * question is evaluated anew, has to be an ask still, with that choice, and the names have to
 * mean the qubes that the user was shown.
 */
static void
apply_answer(struct inquiry *i, const struct policy_view *v, struct policy_decision *decision)
{
	const struct policy_facts *facts = policy_view_facts(v);

	if (decision->result != POLICY_ASK) {
		policy_decision_finish(decision);
		decision->result = POLICY_DENY;
		decision->reason = POLICY_REASON_CHANGED;
		return;
	}
	policy_prompt_answer(v, decision, i->answer);
	if (decision->result != POLICY_ALLOW)
		return;
	if (!same_qube(i->asked_view, v, i->question.request.source) ||
		!same_qube(
			i->asked_view, v, policy_facts_qube(facts, decision->target.qube)->name)) {
		decision->result = POLICY_DENY;
		decision->reason = POLICY_REASON_CHANGED;
	}
}

static void
handle_prompt_answer(const char *untrusted_answer, void *data)
{
	struct inquiry *i = data;

	i->prompt = NULL;
	i->answer = text_copy(untrusted_answer != NULL ? untrusted_answer : "");
	go_on(i);
}

/* Opens a prompt for an ask. False, and the ask is a refusal, when that can not be. */
static bool
ask_user(struct inquiry *i, struct policy_view *v, struct policy_decision *asked)
{
	struct prompter *p = i->decider->prompter;

	if (policy_gui_qube(v, asked) == NULL) {
		policy_refuse_ask(asked, POLICY_REASON_NO_GUI_QUBE);
		return false;
	}
	if (p != NULL)
		i->prompt = p->start(p, v, &i->question.request, asked, handle_prompt_answer, i);
	if (i->prompt == NULL) {
		policy_refuse_ask(asked, POLICY_REASON_NO_PROMPT_AGENT);
		return false;
	}
	i->asked_view = policy_view_ref(v);
	return true;
}

/* True when the inquiry is over, false when the user has to be waited for. */
static bool
decide(struct inquiry *i, struct policy_view *v)
{
	AUTO_DECISION struct policy_decision decision = POLICY_DECISION_INIT;

	policy_evaluate(v, &i->question.request, &decision);
	if (i->answer != NULL)
		apply_answer(i, v, &decision);
	if (decision.result == POLICY_ASK && i->question.assume_yes)
		policy_assume_yes(v, &decision);
	if (decision.result == POLICY_ASK && i->question.just_evaluate)
		policy_refuse_ask(&decision, POLICY_REASON_ASK_NOT_ALLOWED);
	if (decision.result == POLICY_ASK && ask_user(i, v, &decision))
		return false;
	finish(i, v, &decision);
	return true;
}

static void
refuse_without_facts(struct inquiry *i)
{
	struct policy_decision decision = POLICY_DECISION_INIT;

	decision.result = POLICY_DENY;
	decision.reason = POLICY_REASON_NO_FACTS;
	finish(i, NULL, &decision);
}

/* The oldest inquiry, if it waited for this fetch or an earlier one; later ones wait no less. */
static struct inquiry *
next_waiting(struct decider *d, uint64_t fetch)
{
	struct inquiry *i = container_of(d->waiting.next, struct inquiry, link);

	/* Those that ended took themselves out. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	return !list_empty(&d->waiting) && i->fetch <= fetch ? i : NULL;
}

static void
handle_facts(uint64_t fetch, struct policy_facts *facts, const char *error, void *data)
{
	struct decider *d = data;
	struct policy_view *v = facts != NULL ? policy_view_ref(view_with(d, facts)) : NULL;
	struct inquiry *i;

	(void)error;
	while ((i = next_waiting(d, fetch)) != NULL) {
		list_remove(&i->link);
		if (v != NULL)
			decide(i, v);
		else
			refuse_without_facts(i);
	}
	policy_view_unref(v);
}

/* Decides now or when there are facts. True when the inquiry is over. */
static bool
go_on(struct inquiry *i)
{
	struct decider *d = i->decider;
	struct policy_facts *facts = facts_source_current(d->facts);

	if (facts != NULL)
		return decide(i, view_with(d, facts));
	i->fetch = facts_source_want(d->facts);
	list_append(&d->waiting, &i->link);
	return false;
}

struct inquiry *
decider_ask(struct decider *d, const struct inquiry_question *question, inquiry_callback callback,
	void *data)
{
	struct inquiry *i = xcalloc(1, sizeof(*i));

	*i = (struct inquiry){
		.decider = d, .question = *question, .callback = callback, .data = data};
	list_init(&i->link);
	return go_on(i) ? NULL : i;
}

void
inquiry_cancel(struct inquiry *i)
{
	if (i == NULL)
		return;
	if (i->prompt != NULL)
		i->decider->prompter->cancel(i->prompt);
	inquiry_free(i);
}

/* Files changed: read them now, so that an error is in the log before the next call. */
static void
handle_files_changed(struct loop_fd *source, uint32_t events, void *data)
{
	struct decider *d = data;

	(void)source;
	(void)events;
	policy_store_current(d->store);
}

struct decider *
decider_create(struct loop *loop, const struct decider_config *config)
{
	struct decider *d = xcalloc(1, sizeof(*d));

	*d = (struct decider){.prompter = config->prompter, .log = config->log};
	list_init(&d->waiting);
	d->store = policy_store_create(config->directories);
	d->facts = facts_source_create(loop, handle_facts, d);
	if (policy_store_fd(d->store) >= 0) {
		d->store_source = loop_fd_create(
			loop, policy_store_fd(d->store), EPOLLIN, handle_files_changed, d);
		if (d->store_source == NULL) {
			decider_destroy(d);
			return NULL;
		}
	}
	return d;
}

void
decider_destroy(struct decider *d)
{
	if (d == NULL)
		return;
	assert(list_empty(&d->waiting));
	loop_fd_destroy(d->store_source);
	facts_source_destroy(d->facts);
	policy_store_destroy(d->store);
	policy_view_unref(d->view);
	free(d);
}
