/* See fixture.h. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "cmocka_all.h"

#define ANSWER_MAX (32 * 1024 * 1024)
/* Far longer than anything here takes; a test that waits for it has failed. */
#define PATIENCE_MS 20000

static char root_template[] = "/tmp/bulkhead-api-XXXXXX";

int
root_create(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	if (mkdtemp(root_template) == NULL)
		return -1;
	return setenv("BULKHEAD_ROOT", root_template, 1);
}

int
root_remove(void **state)
{
	(void)state;
	return remove_tree(root_template, NULL);
}

static bool
pool_exists(const char *name, void *data)
{
	(void)data;
	return text_equal(name, STORAGE_POOL_DEFAULT) || text_equal(name, STORAGE_POOL_KERNEL);
}

static const char *
pool_default(void *data)
{
	(void)data;
	return STORAGE_POOL_DEFAULT;
}

static bool
nothing_runs(const char *owner, void *data)
{
	(void)owner;
	(void)data;
	return false;
}

static void
start(struct fixture *f)
{
	static const struct app_hooks hooks = {
		.pool_exists = pool_exists, .pool_default = pool_default};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = root_path(STORE_PATH);
	AUTO_FREE char *directory = root_path("/var/lib/qubes");
	struct api_config config = f->limits;

	assert_int_equal(make_directories(directory, 0700, &err), 0);
	f->loop = loop_create();
	f->store = store_open(path, &err);
	if (f->store == NULL)
		fail_msg("%s", err_message(&err));
	f->storage = storage_create(f->loop, f->store, &err);
	if (f->storage == NULL || storage_recover(f->storage, nothing_runs, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
	f->app = app_create(f->store, &hooks, &err);
	if (f->app == NULL)
		fail_msg("%s", err_message(&err));
	config.loop = f->loop;
	config.app = f->app;
	config.storage = f->storage;
	config.lifecycle = (struct lifecycle *)f; /* the double takes the fixture for it */
	f->api = api_create_with(&config, &err);
	if (f->api == NULL)
		fail_msg("%s", err_message(&err));
}

static void
stop(struct fixture *f)
{
	api_destroy(f->api);
	storage_destroy(f->storage);
	app_destroy(f->app);
	store_close(f->store);
	loop_destroy(f->loop);
}

void
fixture_resume(struct fixture *f)
{
	start(f);
}

int
fixture_start(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	AUTO_FREE char *var = root_path("/var");

	(void)remove_tree(var, NULL);
	start(f);
	*state = f;
	return 0;
}

int
fixture_stop(void **state)
{
	stop(*state);
	free(*state);
	return 0;
}

void
fixture_restart(struct fixture *f)
{
	stop(f);
	start(f);
}

void
fixture_restart_with(struct fixture *f, const struct api_config *limits)
{
	f->limits = *limits;
	fixture_restart(f);
}

int
fixture_connect(const struct fixture *f, bool internal)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = root_path("%s", internal ? API_INTERNAL_SOCKET : API_SOCKET);
	int fd = socket_connect(path, &err);

	(void)f;
	if (fd < 0)
		fail_msg("%s", err_message(&err));
	assert_int_equal(fd_set_nonblocking(fd, 1), 0);
	return fd;
}

/* Reads what there is; false at the end. */
static bool
read_available(int fd, struct buf *answer)
{
	ssize_t count;

	while ((count = buf_read_fd(answer, fd, 65536)) > 0)
		;
	return count == -EAGAIN;
}

void
fixture_read_some(struct fixture *f, int fd, size_t size, struct buf *answer)
{
	uint64_t deadline_ms = loop_now_ms() + PATIENCE_MS;

	while (buf_len(answer) < size && read_available(fd, answer)) {
		if (buf_len(answer) >= size)
			return;
		(void)loop_step(f->loop, 20);
		if (loop_now_ms() > deadline_ms)
			fail_msg("no answer in time");
	}
}

void
fixture_read_all(struct fixture *f, int fd, struct buf *ret_answer)
{
	buf_init(ret_answer, ANSWER_MAX);
	fixture_read_some(f, fd, ANSWER_MAX, ret_answer);
}

void
fixture_settle(struct fixture *f)
{
	while (loop_step(f->loop, 30) > 0)
		;
}

void
fixture_exchange(
	struct fixture *f, bool internal, const void *bytes, size_t size, struct buf *ret_answer)
{
	AUTO_FD int fd = fixture_connect(f, internal);
	const char *rest = bytes;

	while (size > 0) {
		ssize_t count = send(fd, rest, size, MSG_NOSIGNAL);

		if (count < 0 && errno == EAGAIN) {
			(void)loop_step(f->loop, 5);
			continue;
		}
		if (count < 0)
			break; /* closed by the peer: the answer tells */
		rest += count;
		size -= (size_t)count;
	}
	(void)shutdown(fd, SHUT_WR);
	fixture_read_all(f, fd, ret_answer);
}

static void
call_from(struct fixture *f, const char *source, const char *method, const char *dest,
	const char *payload, struct buf *ret_answer)
{
	AUTO_BUF struct buf request;
	bool internal = text_starts_with(method, "internal.");

	buf_init(&request, ANSWER_MAX);
	assert_int_equal(buf_printf(&request, "%s %s name %s", method, source, dest), 0);
	assert_int_equal(buf_put_u8(&request, 0), 0);
	if (payload != NULL)
		assert_int_equal(buf_put_string(&request, payload), 0);
	fixture_exchange(f, internal, buf_data(&request), buf_len(&request), ret_answer);
}

char *
call_ok(struct fixture *f, const char *method, const char *dest, const char *payload)
{
	return call_ok_from(f, "dom0", method, dest, payload);
}

char *
call_ok_from(struct fixture *f, const char *source, const char *method, const char *dest,
	const char *payload)
{
	AUTO_BUF struct buf answer;
	const char *text;

	call_from(f, source, method, dest, payload, &answer);
	assert_int_equal(buf_put_u8(&answer, 0), 0);
	text = (const char *)buf_data(&answer);
	if (buf_len(&answer) < 3 || text[0] != '0' || text[1] != '\0') {
		if (text[0] == '2')
			fail_msg("%s to %s: %s: %s", method, dest, text + 2,
				text + 2 + strlen(text + 2) + 2);
		fail_msg("%s to %s: empty answer", method, dest);
	}
	return text_copy(text + 2);
}

void
assert_call(struct fixture *f, const char *method, const char *dest, const char *payload,
	const char *content)
{
	AUTO_FREE char *got = call_ok(f, method, dest, payload);

	assert_string_equal(got, content);
}

void
assert_refused_from(struct fixture *f, const char *source, const char *method, const char *dest,
	const char *payload, const char *kind, const char *message)
{
	AUTO_BUF struct buf answer;
	AUTO_BUF struct buf expected;

	call_from(f, source, method, dest, payload, &answer);
	buf_init(&expected, ANSWER_MAX);
	assert_int_equal(buf_put_text(&expected, "2"), 0);
	assert_int_equal(buf_put_text(&expected, kind), 0);
	assert_int_equal(buf_put_text(&expected, ""), 0);
	assert_int_equal(buf_put_text(&expected, message), 0);
	if (buf_len(&answer) != buf_len(&expected) ||
		memcmp(buf_data(&answer), buf_data(&expected), buf_len(&answer)) != 0) {
		assert_int_equal(buf_put_u8(&answer, 0), 0);
		const char *text = (const char *)buf_data(&answer);
		fail_msg("%s to %s: got '%c %s: %s', not '%s: %s'", method, dest, text[0],
			buf_len(&answer) > 3 ? text + 2 : "",
			text[0] == '2' ? text + 2 + strlen(text + 2) + 2 : "", kind, message);
	}
}

void
assert_refused(struct fixture *f, const char *method, const char *dest, const char *payload,
	const char *kind, const char *message)
{
	assert_refused_from(f, "dom0", method, dest, payload, kind, message);
}

void
event_log_open(struct event_log *log, struct fixture *f, const char *dest)
{
	event_log_open_from(log, f, "admin.Events", "dom0", dest);
}

void
event_log_open_from(struct event_log *log, struct fixture *f, const char *method,
	const char *source, const char *dest)
{
	AUTO_FREE char *header = text_format("%s %s name %s", method, source, dest);
	static const char hello[] = "1\0\0connection-established\0";

	log->f = f;
	log->fd = fixture_connect(f, false);
	buf_init(&log->bytes, ANSWER_MAX);
	assert_int_equal(write_all(log->fd, header, strlen(header) + 1), 0);
	assert_int_equal(shutdown(log->fd, SHUT_WR), 0);
	fixture_read_some(f, log->fd, sizeof(hello), &log->bytes);
	assert_int_equal(buf_len(&log->bytes), sizeof(hello));
	assert_memory_equal(buf_data(&log->bytes), hello, sizeof(hello));
	buf_clear(&log->bytes);
}

char *
event_log_take(struct event_log *log)
{
	AUTO_BUF struct buf lines;
	const char *text, *key, *value;
	char *result;

	fixture_settle(log->f);
	assert_true(read_available(log->fd, &log->bytes));
	buf_init(&lines, ANSWER_MAX);
	while (buf_len(&log->bytes) > 0) {
		assert_int_equal(buf_get_text(&log->bytes, 1, &text), 0);
		assert_string_equal(text, "1");
		assert_int_equal(buf_get_text(&log->bytes, 64, &text), 0);
		assert_int_equal(buf_printf(&lines, "%s ", text[0] != '\0' ? text : "-"), 0);
		assert_int_equal(buf_get_text(&log->bytes, 256, &text), 0);
		assert_int_equal(buf_printf(&lines, "%s", text), 0);
		for (;;) {
			assert_int_equal(buf_get_text(&log->bytes, 256, &key), 0);
			if (key[0] == '\0')
				break;
			assert_int_equal(buf_printf(&lines, " %s=", key), 0);
			assert_int_equal(buf_get_text(&log->bytes, 65536, &value), 0);
			assert_int_equal(buf_printf(&lines, "%s", value), 0);
		}
		assert_int_equal(buf_put_string(&lines, "\n"), 0);
	}
	assert_int_equal(buf_put_string(&lines, ""), 0);
	result = buf_steal_string(&lines);
	return result != NULL ? result : text_copy("");
}

void
event_log_close(struct event_log *log)
{
	close(log->fd);
	buf_finish(&log->bytes);
	fixture_settle(log->f);
}

void
assert_events(struct event_log *log, const char *expected)
{
	AUTO_FREE char *got = event_log_take(log);

	assert_string_equal(got, expected);
}
