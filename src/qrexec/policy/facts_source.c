/*
 * Fetching facts and listening for what makes them old; see facts_source.h. At most one fetch is
 * under way; what arrives before the answer of a fetch may already be old when an event came
 * meanwhile.
 */
#include "qrexec/policy/facts_source.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/event_reader.h"
#include "qrexec/policy/facts_json.h"
#include "qrexec/policy/qubesd_call.h"

#define EVENTS_RETRY_MS 1000
#define EVENTS_BUFFER_BYTES 65536
/* After an event, facts are fetched ahead of the next question, once events pause so long. */
#define PREFETCH_MS 50

struct facts_source {
	struct loop *loop;
	facts_callback callback;
	void *data;
	char *socket_path, *internal_path;

	struct policy_facts *facts; /* of the last fetch that succeeded */
	uint64_t fetched_ms;        /* when that fetch began */
	bool old;                   /* an event came after that */

	bool fetching;        /* or about to */
	struct stream *fetch; /* under way, NULL before it began */
	uint64_t fetch_number;
	uint64_t fetch_began_ms;
	bool event_during_fetch;
	bool again; /* somebody waits for the fetch after this one */
	struct loop_timer *fetch_timer;
	struct loop_deferred *fetch_later;
	bool failing; /* the last one failed, and that was logged */

	struct stream *events;
	bool listening; /* events do come */
	struct loop_timer *events_timer, *prefetch_timer;
	event_callback event_callback; /* or NULL */
	void *event_data;
};

static void start_fetch(struct facts_source *s);

static void
end_fetch(struct facts_source *s, struct policy_facts *facts, const char *error)
{
	uint64_t number = s->fetch_number;

	stream_destroy(s->fetch);
	s->fetch = NULL;
	s->fetching = false;
	loop_timer_stop(s->fetch_timer);
	if (facts != NULL) {
		policy_facts_unref(s->facts);
		s->facts = facts;
		s->fetched_ms = s->fetch_began_ms;
		s->old = s->event_during_fetch;
	}
	if (error != NULL && !s->failing)
		log_error("system information: every call is refused: %s", error);
	else if (error == NULL && s->failing)
		log_info("system information: is there again");
	s->failing = error != NULL;
	if (s->again) {
		s->again = false;
		start_fetch(s);
	}
	s->callback(number, facts, error, s->data);
}

static void
fail_fetch(struct facts_source *s, const char *what, int error)
{
	AUTO_ERR struct err err = ERR_INIT;

	err_set_errno(&err, error, "%s", what);
	end_fetch(s, NULL, err_message(&err));
}

/* The answer is whole: "0" NUL and JSON, or an exception. */
static void
handle_fetch_end(struct stream *stream, int error, void *data)
{
	struct facts_source *s = data;
	const char *text = (const char *)buf_data(stream_in(stream));
	size_t size = buf_len(stream_in(stream));
	AUTO_ERR struct err err = ERR_INIT;
	struct policy_facts *facts;

	if (error < 0) {
		fail_fetch(s, "the administration daemon's answer", -error);
		return;
	}
	if (size < 2 || text[0] != '0' || text[1] != '\0') {
		end_fetch(s, NULL, "the administration daemon answers with an error");
		return;
	}
	facts = policy_facts_from_json(text + 2, size - 2, &err);
	end_fetch(s, facts, facts == NULL ? err_message(&err) : NULL);
}

/* The answer is taken as a whole, at its end. */
static void
handle_fetch_data(struct stream *stream, struct buf *in, void *data)
{
	(void)stream;
	(void)in;
	(void)data;
}

static void
handle_fetch_timeout(struct loop_timer *timer, void *data)
{
	(void)timer;
	fail_fetch(data, "the administration daemon", ETIMEDOUT);
}

/* Made from the loop, so that a failure is never reported from within a question. */
static void
handle_fetch_later(struct loop_deferred *source, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_fetch_data,
		.handle_end = handle_fetch_end,
	};
	struct facts_source *s = data;

	(void)source;
	s->fetch_began_ms = loop_now_ms();
	s->event_during_fetch = false;
	s->fetch = qubesd_call(s->loop, s->internal_path, "internal.GetSystemInfo",
		POLICY_FACTS_JSON_MAX_BYTES, &handler, s);
	if (s->fetch == NULL)
		fail_fetch(s, "the administration daemon", errno);
	else
		loop_timer_start(s->fetch_timer, FACTS_TIMEOUT_MS);
}

static void
start_fetch(struct facts_source *s)
{
	s->fetch_number++;
	s->fetching = true;
	loop_deferred_schedule(s->fetch_later);
}

static void
note_event(struct facts_source *s)
{
	s->old = true;
	s->event_during_fetch = true;
	loop_timer_start(s->prefetch_timer, PREFETCH_MS);
}

static void
handle_events_data(struct stream *stream, struct buf *in, void *data)
{
	struct facts_source *s = data;
	struct qubes_event event;
	int result;

	(void)stream;
	/* Events begin with "1"; anything else is a refusal, and the end will follow. */
	if (!s->listening && buf_data(in)[0] == '1')
		s->listening = true;
	note_event(s);
	while ((result = event_peek(in, &event)) == 0) {
		if (s->event_callback != NULL)
			s->event_callback(event.subject, event.name, s->event_data);
		buf_consume(in, event.size);
	}
	if (result == -EBADMSG) {
		log_warning("events of the administration daemon: not understood");
		buf_clear(in);
		if (s->event_callback != NULL)
			s->event_callback(NULL, NULL, s->event_data);
	}
}

static void
handle_events_end(struct stream *stream, int error, void *data)
{
	struct facts_source *s = data;

	(void)error;
	stream_destroy(stream);
	s->events = NULL;
	if (s->listening)
		log_warning("events of the administration daemon: ended");
	s->listening = false;
	if (s->event_callback != NULL)
		s->event_callback(NULL, NULL, s->event_data);
	loop_timer_start(s->events_timer, EVENTS_RETRY_MS);
}

static void
handle_events_timer(struct loop_timer *timer, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_events_data,
		.handle_end = handle_events_end,
	};
	struct facts_source *s = data;

	s->events = qubesd_call(
		s->loop, s->socket_path, "admin.Events", EVENTS_BUFFER_BYTES, &handler, s);
	if (s->events == NULL)
		loop_timer_start(timer, EVENTS_RETRY_MS);
}

static void
handle_prefetch(struct loop_timer *timer, void *data)
{
	struct facts_source *s = data;

	(void)timer;
	if (facts_source_current(s) == NULL)
		facts_source_want(s);
}

struct facts_source *
facts_source_create(struct loop *loop, facts_callback callback, void *data)
{
	struct facts_source *s = xcalloc(1, sizeof(*s));

	*s = (struct facts_source){
		.loop = loop,
		.callback = callback,
		.data = data,
		.socket_path = root_path(QUBESD_SOCKET),
		.internal_path = root_path(QUBESD_INTERNAL_SOCKET),
		.fetch_timer = loop_timer_create(loop, handle_fetch_timeout, s),
		.fetch_later = loop_deferred_create(loop, handle_fetch_later, s),
		.events_timer = loop_timer_create(loop, handle_events_timer, s),
		.prefetch_timer = loop_timer_create(loop, handle_prefetch, s),
	};
	if (s->fetch_timer == NULL || s->fetch_later == NULL || s->events_timer == NULL ||
		s->prefetch_timer == NULL)
		fatal("out of memory");
	loop_timer_start(s->events_timer, 0);
	return s;
}

void
facts_source_destroy(struct facts_source *s)
{
	if (s == NULL)
		return;
	stream_destroy(s->fetch);
	stream_destroy(s->events);
	loop_timer_destroy(s->fetch_timer);
	loop_timer_destroy(s->events_timer);
	loop_timer_destroy(s->prefetch_timer);
	loop_deferred_destroy(s->fetch_later);
	policy_facts_unref(s->facts);
	free(s->socket_path);
	free(s->internal_path);
	free(s);
}

void
facts_source_set_event_callback(struct facts_source *s, event_callback callback, void *data)
{
	s->event_callback = callback;
	s->event_data = data;
}

bool
facts_source_is_listening(const struct facts_source *s)
{
	return s->listening;
}

/* Whether events have arrived that the loop has not yet come to. */
static bool
events_are_waiting(const struct facts_source *s)
{
	char byte;

	return recv(stream_fd(s->events), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

struct policy_facts *
facts_source_current(struct facts_source *s)
{
	if (s->facts == NULL || s->old)
		return NULL;
	if (!s->listening)
		return loop_now_ms() - s->fetched_ms < FACTS_MAX_AGE_MS ? s->facts : NULL;
	if (events_are_waiting(s)) {
		note_event(s);
		return NULL;
	}
	return s->facts;
}

uint64_t
facts_source_want(struct facts_source *s)
{
	if (!s->fetching)
		start_fetch(s);
	else if (s->fetch != NULL && s->event_during_fetch)
		s->again = true;
	return s->fetch_number + s->again;
}
