/* Making decisions; see decider.h. An inquiry waits for facts or for the user, never for another
 * inquiry. */
#include "qrexec/policy/decider.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/policy/facts_source.h"
#include "qrexec/policy/grant_keeper.h"
#include "qrexec/policy/store.h"

struct decider {
	struct prompter *prompter;
	struct decision_log *log;
	struct policy_store *store;
	struct loop_fd *store_source;
	struct facts_source *facts;
	struct grant_keeper *grants;
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
	bool grants_ready;              /* what was granted may be relied on */
	bool answered;                  /* the prompt is over */
	enum prompt_outcome outcome;
	char *answer; /* of the user; not trusted; "" for none */
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
static bool decide_now(struct inquiry *i, struct policy_facts *facts);

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

/* Cuts the term off the answer. One that is none is left there, for the engine to refuse. */
static enum grant_term
take_term(char *untrusted_answer)
{
	char *blank = strchr(untrusted_answer, ' ');
	enum grant_term term = GRANT_ONCE;

	if (blank == NULL || grant_term_parse(blank + 1, &term) < 0)
		return GRANT_ONCE;
	*blank = '\0';
	return term;
}

/* A stop is told by an event: where those do not come, it would be missed. */
static void
grant(struct inquiry *i, const struct policy_view *v, const struct policy_decision *allowed,
	enum grant_term term)
{
	struct decider *d = i->decider;

	if (term == GRANT_STOP && !facts_source_is_listening(d->facts))
		log_qube_message(LOG_LEVEL_WARNING, i->question.request.source,
			"the user's answer holds once: no events tell of stops");
	else
		grant_keeper_add(d->grants, v, &i->question.request, allowed, term);
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
	enum grant_term term = take_term(i->answer);

	if (decision->result != POLICY_ASK) {
		policy_decision_finish(decision);
		decision->result = POLICY_DENY;
		decision->reason = POLICY_REASON_CHANGED;
		return;
	}
	if (i->outcome != PROMPT_ANSWERED) {
		policy_refuse_ask(decision, i->outcome == PROMPT_TIMED_OUT
						    ? POLICY_REASON_NO_ANSWER
						    : POLICY_REASON_NO_PROMPT_AGENT);
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
		return;
	}
	grant(i, v, decision, term);
}

static void
handle_prompt_answer(enum prompt_outcome outcome, const char *untrusted_answer, void *data)
{
	struct inquiry *i = data;

	i->prompt = NULL;
	i->answered = true;
	i->outcome = outcome;
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
		policy_refuse_ask(asked,
			p != NULL ? POLICY_REASON_TOO_MANY_PROMPTS : POLICY_REASON_NO_PROMPT_AGENT);
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

	/* An answer of the user stands for itself, whatever was granted since. */
	i->question.request.without_grants = i->answered || !i->grants_ready;
	policy_evaluate(v, &i->question.request, &decision);
	if (i->answered)
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
	struct inquiry *i;

	(void)error;
	if (facts != NULL)
		policy_facts_ref(facts);
	while ((i = next_waiting(d, fetch)) != NULL) {
		list_remove(&i->link);
		if (facts != NULL)
			decide_now(i, facts);
		else
			refuse_without_facts(i);
	}
	policy_facts_unref(facts);
}

static void
handle_event(const char *subject, const char *name, void *data)
{
	struct decider *d = data;

	if (name == NULL)
		grant_keeper_qube_stopped(d->grants, NULL);
	else if (text_equal(name, "domain-stopped") || text_equal(name, "domain-shutdown"))
		grant_keeper_qube_stopped(d->grants, subject);
}

/*
 * Grants that are due end before the policy is looked at, which then holds the file without
 * them.
 */
static bool
decide_now(struct inquiry *i, struct policy_facts *facts)
{
	struct policy_view *v;
	bool over;

	i->grants_ready = grant_keeper_ready(i->decider->grants);
	v = policy_view_ref(view_with(i->decider, facts));
	over = decide(i, v);
	policy_view_unref(v);
	return over;
}

/* Decides now or when there are facts. True when the inquiry is over. */
static bool
go_on(struct inquiry *i)
{
	struct decider *d = i->decider;
	struct policy_facts *facts = facts_source_current(d->facts);

	if (facts != NULL)
		return decide_now(i, facts);
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
	d->grants = grant_keeper_create(loop, config->directories);
	if (d->grants == NULL) {
		decider_destroy(d);
		return NULL;
	}
	facts_source_set_event_callback(d->facts, handle_event, d);
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
	grant_keeper_destroy(d->grants);
	policy_store_destroy(d->store);
	policy_view_unref(d->view);
	free(d);
}
