/*
 * The queue of prompts and their conversations with the agent; see agent_prompter.h. The agent is
 * the user's: what it answers is looked at by the engine.
 */
#include "qrexec/policy/agent_prompter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/policy/agent_notice.h"
#include "qrexec/policy/prompt_request.h"
#include "qrexec/policy/rate_limit.h"

/* Lines of the log about one qube: so many at once, then one in an interval. */
#define LOG_BURST 10
#define LOG_INTERVAL_MS 10000

struct agent_prompter {
	struct prompter base;
	struct loop *loop;
	struct courier *courier;
	unsigned timeout_ms;
	struct list prompts; /* prompt.link, in the order they came */
	size_t count;
	struct rate_limit log_limit; /* by source */
	char *last_source;           /* whose prompt was opened last */
	struct agent_notices *notices;
};

struct prompt {
	struct agent_prompter *prompter;
	struct list link; /* agent_prompter.prompts */
	char *gui_qube, *source, *request;
	prompt_callback callback;
	void *data;
	bool begun;
	struct errand *errand; /* on the way to the agent */
	struct stream *stream; /* with it */
	struct loop_timer *timer;
};

static void open_next(struct agent_prompter *p, const char *gui_qube);

static void
prompt_free(struct prompt *prompt)
{
	struct agent_prompter *p = prompt->prompter;
	AUTO_FREE char *gui_qube = prompt->gui_qube;
	bool begun = prompt->begun;

	list_remove(&prompt->link);
	p->count--;
	courier_cancel(prompt->errand);
	stream_destroy(prompt->stream);
	loop_timer_destroy(prompt->timer);
	free(prompt->source);
	free(prompt->request);
	free(prompt);
	if (begun)
		open_next(p, gui_qube);
}

static void
finish(struct prompt *prompt, enum prompt_outcome outcome, const char *untrusted_answer)
{
	prompt_callback callback = prompt->callback;
	AUTO_FREE char *answer = untrusted_answer != NULL ? text_copy(untrusted_answer) : NULL;
	void *data = prompt->data;

	prompt_free(prompt);
	callback(outcome, answer, data);
}

static void
fail(struct prompt *prompt, const char *what, int error)
{
	if (rate_limit_take(&prompt->prompter->log_limit, prompt->source, loop_now_ms()))
		log_qube_message(LOG_LEVEL_WARNING, prompt->source,
			"cannot ask: policy agent of '%s': %s: %s", prompt->gui_qube, what,
			strerror(error));
	finish(prompt, PROMPT_FAILED, NULL);
}

/* The answer is taken as a whole, at its end. */
static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	(void)s;
	(void)in;
	(void)data;
}

static void
handle_end(struct stream *s, int error, void *data)
{
	struct prompt *prompt = data;
	struct buf *in = stream_in(s);
	AUTO_FREE char *text = NULL;

	if (error < 0) {
		fail(prompt, "cannot read the answer", -error);
		return;
	}
	if (buf_len(in) == 0 || memchr(buf_data(in), '\0', buf_len(in)) != NULL) {
		fail(prompt, buf_len(in) == 0 ? "no answer" : "the answer is no text", EPROTO);
		return;
	}
	text = buf_steal_string(in);
	finish(prompt, PROMPT_ANSWERED, text);
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	struct prompt *prompt = data;

	(void)timer;
	log_qube_message(LOG_LEVEL_WARNING, prompt->source, "the user did not answer in time");
	finish(prompt, PROMPT_TIMED_OUT, NULL);
}

static void
handle_way(int fd_or_error, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct prompt *prompt = data;
	struct agent_prompter *p = prompt->prompter;
	size_t size = strlen(prompt->request);

	prompt->errand = NULL;
	if (fd_or_error < 0) {
		fail(prompt, "cannot reach it", -fd_or_error);
		return;
	}
	prompt->stream =
		stream_create(p->loop, fd_or_error, PROMPT_ANSWER_MAX, size, &handler, prompt);
	if (prompt->stream == NULL || stream_send(prompt->stream, prompt->request, size) < 0) {
		fail(prompt, "cannot send", errno);
		return;
	}
	stream_shutdown_write(prompt->stream);
}

/* Whose turn it is: the oldest of another qube than the last, else the oldest. */
static struct prompt *
choose_next(struct agent_prompter *p, const char *gui_qube)
{
	struct prompt *prompt, *first = NULL;

	list_for_each (prompt, &p->prompts, link) {
		if (!text_equal(prompt->gui_qube, gui_qube))
			continue;
		if (prompt->begun)
			return NULL;
		if (first == NULL)
			first = prompt;
	}
	list_for_each (prompt, &p->prompts, link) {
		if (text_equal(prompt->gui_qube, gui_qube) &&
			(p->last_source == NULL || !text_equal(prompt->source, p->last_source)))
			return prompt;
	}
	return first;
}

static void
handle_no_way(struct loop_timer *timer, void *data)
{
	(void)timer;
	fail(data, "too much is under way", EAGAIN);
}

static void
open_next(struct agent_prompter *p, const char *gui_qube)
{
	struct prompt *prompt = choose_next(p, gui_qube);

	if (prompt == NULL)
		return;
	prompt->begun = true;
	free(p->last_source);
	p->last_source = text_copy(prompt->source);
	prompt->errand = courier_ask(p->courier, gui_qube, COURIER_ASK, handle_way, prompt);
	/* Told from the loop, as everything is. */
	prompt->timer = loop_timer_create(
		p->loop, prompt->errand != NULL ? handle_timeout : handle_no_way, prompt);
	if (prompt->timer == NULL)
		fatal("out of memory");
	loop_timer_start(prompt->timer, prompt->errand != NULL ? p->timeout_ms : 0);
}

static bool
has_room(struct agent_prompter *p, const char *source)
{
	const struct prompt *prompt;
	size_t count = 0;

	list_for_each (prompt, &p->prompts, link)
		count += text_equal(prompt->source, source);
	if (count < PROMPTS_MAX_OF_QUBE && p->count < PROMPTS_MAX)
		return true;
	if (rate_limit_take(&p->log_limit, source, loop_now_ms()))
		log_qube_message(LOG_LEVEL_WARNING, source,
			"not asked: %zu prompts of this qube and %zu in all wait for the user",
			count, p->count);
	return false;
}

static struct prompt *
start(struct prompter *base, const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *asked, prompt_callback callback, void *data)
{
	struct agent_prompter *p = container_of(base, struct agent_prompter, base);
	const char *gui_qube = policy_gui_qube(v, asked);
	/* By the caller: a relay is one qube, whomever it speaks for. */
	const char *source = policy_facts_qube(policy_view_facts(v), asked->caller)->name;
	struct prompt *prompt;
	char *text;

	if (gui_qube == NULL || !has_room(p, source))
		return NULL;
	text = prompt_request_format(v, request, asked);
	if (text == NULL) {
		log_qube_message(LOG_LEVEL_ERROR, source, "cannot ask: the request is no text");
		return NULL;
	}
	prompt = xcalloc(1, sizeof(*prompt));
	*prompt = (struct prompt){
		.prompter = p,
		.gui_qube = text_copy(gui_qube),
		.source = text_copy(source),
		.request = text,
		.callback = callback,
		.data = data,
	};
	list_append(&p->prompts, &prompt->link);
	p->count++;
	open_next(p, gui_qube);
	return prompt;
}

static void
cancel(struct prompt *prompt)
{
	prompt_free(prompt);
}

static void
notify(struct prompter *base, const struct policy_notification *notification)
{
	struct agent_prompter *p = container_of(base, struct agent_prompter, base);

	agent_notices_send(p->notices, notification);
}

struct prompter *
agent_prompter_create(struct loop *loop, struct courier *courier, unsigned timeout_ms)
{
	struct agent_prompter *p = xcalloc(1, sizeof(*p));

	*p = (struct agent_prompter){
		.base = {.start = start, .cancel = cancel, .notify = notify},
		.loop = loop,
		.courier = courier,
		.timeout_ms = timeout_ms,
		.notices = agent_notices_create(loop, courier),
	};
	rate_limit_init(&p->log_limit, LOG_BURST, LOG_INTERVAL_MS);
	list_init(&p->prompts);
	return &p->base;
}

void
agent_prompter_destroy(struct prompter *base)
{
	struct agent_prompter *p;

	if (base == NULL)
		return;
	p = container_of(base, struct agent_prompter, base);
	agent_notices_destroy(p->notices);
	rate_limit_finish(&p->log_limit);
	free(p->last_source);
	free(p);
}
