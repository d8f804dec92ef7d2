/* See fake_api.h. */
#include "fake_api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define FOLLOWERS_MAX 8
#define FEATURES_MAX 16
#define QUBE_COUNT 2

static struct {
	pthread_mutex_t mutex;
	pthread_t thread;
	int fd;
	int followers[FOLLOWERS_MAX];
	int follower_count;
	bool running[QUBE_COUNT];
	bool unused;
	struct {
		const char *qube, *feature, *value;
	} features[FEATURES_MAX];
	int feature_count;
	char layout[64];
} api = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static const struct {
	const char *name, *xid, *label;
} qubes[QUBE_COUNT] = {{"work", "5", "blue"}, {"personal", "6", "yellow"}};

static int
number_of(const char *name)
{
	return text_equal(name, "personal") ? 1 : 0;
}

static const char *
feature_of(const char *qube, const char *feature)
{
	for (int i = 0; i < api.feature_count; i++) {
		if (text_equal(api.features[i].qube, qube) &&
			text_equal(api.features[i].feature, feature))
			return api.features[i].value;
	}
	return NULL;
}

static const char *
property_of(const char *qube, const char *property)
{
	int number = number_of(qube);

	if (text_equal(property, "xid"))
		return api.running[number] ? qubes[number].xid : "-1";
	if (text_equal(property, "label"))
		return qubes[number].label;
	if (text_equal(property, "guivm"))
		return "dom0";
	if (text_equal(property, "debug"))
		return "False";
	if (text_equal(property, "keyboard_layout"))
		return api.layout;
	if (text_equal(property, "is_preload") && number == 1)
		return api.unused ? "True" : "False";
	return NULL;
}

static void
put_list(struct buf *answer)
{
	buf_put_string(answer, "dom0 class=AdminVM state=Running\n");
	for (int i = 0; i < QUBE_COUNT; i++)
		buf_printf(answer, "%s class=AppVM state=%s\n", qubes[i].name,
			api.running[i] ? "Running" : "Halted");
}

/* The content of an answer; false when there is none. */
static bool
put_content(struct buf *answer, const char *method, const char *argument, const char *qube,
	const char *payload)
{
	const char *value = NULL;

	if (text_equal(method, "admin.vm.List")) {
		put_list(answer);
		return true;
	}
	if (text_equal(method, "admin.vm.property.Set")) {
		snprintf(api.layout, sizeof(api.layout), "%s", payload);
		return true;
	}
	if (text_equal(method, "admin.label.Get"))
		value = text_equal(argument, "blue") ? "0x3465a4" : "0xedd400";
	else if (text_equal(method, "admin.label.Index"))
		value = text_equal(argument, "blue") ? "6" : "3";
	else if (text_starts_with(method, "admin.vm.feature."))
		value = feature_of(qube, argument);
	else if (text_equal(method, "admin.vm.property.Get")) {
		value = property_of(qube, argument);
		if (value != NULL)
			buf_put_string(answer, "default=False type=str ");
	}
	return value != NULL && buf_put_string(answer, value) == 0;
}

static void
reply(int fd, char *request)
{
	const char *payload = request + strlen(request) + 1, *qube = NULL;
	char *rest = request, *call = strsep(&rest, " "), *method, *argument = call;
	AUTO_BUF struct buf answer;

	/* METHOD[+ARGUMENT] SOURCE KIND QUBE */
	for (int i = 0; i < 3; i++)
		qube = strsep(&rest, " ");
	method = strsep(&argument, "+");
	if (text_equal(method, "admin.Events")) {
		write_all(fd, "1\0dom0\0connection-established\0", 30);
		write_all(fd, "", 1);
		assert_true(api.follower_count < FOLLOWERS_MAX);
		api.followers[api.follower_count++] = fd;
		return;
	}
	buf_init(&answer, 4096);
	buf_put(&answer, "0", 2);
	if (!put_content(&answer, method, argument != NULL ? argument : "", qube, payload)) {
		buf_clear(&answer);
		buf_put(&answer, "2\0QubesFeatureNotFoundError\0\0no\0\0", 33);
	}
	write_all(fd, buf_data(&answer), buf_len(&answer));
	close(fd);
}

static void *
serve(void *data)
{
	int fd;

	(void)data;
	while ((fd = accept4(api.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		char request[1024] = "";
		AUTO_BUF struct buf in;

		buf_init(&in, sizeof(request) - 2);
		while (buf_read_fd(&in, fd, 512) > 0)
			;
		memcpy(request, buf_data(&in), buf_len(&in));
		pthread_mutex_lock(&api.mutex);
		reply(fd, request);
		pthread_mutex_unlock(&api.mutex);
	}
	return NULL;
}

void
fake_api_start(void)
{
	AUTO_FREE char *path = text_format("%s/run/qubesd.sock", getenv("BULKHEAD_ROOT"));
	AUTO_ERR struct err err = ERR_INIT;

	api.follower_count = api.feature_count = 0;
	memset(api.running, 0, sizeof(api.running));
	strcpy(api.layout, "us++");
	api.fd = socket_listen(path, 0600, &err);
	assert_true(api.fd >= 0);
	assert_int_equal(pthread_create(&api.thread, NULL, serve, NULL), 0);
}

void
fake_api_stop(void)
{
	shutdown(api.fd, SHUT_RDWR);
	pthread_join(api.thread, NULL);
	close(api.fd);
	fake_api_hang_up();
}

void
fake_api_set_running(const char *name, bool running)
{
	pthread_mutex_lock(&api.mutex);
	api.running[number_of(name)] = running;
	pthread_mutex_unlock(&api.mutex);
}

void
fake_api_set_unused(bool unused)
{
	pthread_mutex_lock(&api.mutex);
	api.unused = unused;
	pthread_mutex_unlock(&api.mutex);
}

void
fake_api_set_feature(const char *qube, const char *feature, const char *value)
{
	pthread_mutex_lock(&api.mutex);
	assert_true(api.feature_count < FEATURES_MAX);
	api.features[api.feature_count].qube = qube;
	api.features[api.feature_count].feature = feature;
	api.features[api.feature_count++].value = value;
	pthread_mutex_unlock(&api.mutex);
}

const char *
fake_api_layout(void)
{
	static char copy[sizeof(api.layout)];

	pthread_mutex_lock(&api.mutex);
	memcpy(copy, api.layout, sizeof(copy));
	pthread_mutex_unlock(&api.mutex);
	return copy;
}

void
fake_api_await_follower(void)
{
	int count = 0;

	for (int i = 0; i < 4000 && count == 0; i++) {
		usleep(5000);
		pthread_mutex_lock(&api.mutex);
		count = api.follower_count;
		pthread_mutex_unlock(&api.mutex);
	}
	assert_true(count > 0);
}

void
fake_api_send_event(const char *subject, const char *name)
{
	AUTO_BUF struct buf event;

	buf_init(&event, 1024);
	buf_put_text(&event, "1");
	buf_put_text(&event, subject);
	buf_put_text(&event, name);
	buf_put_u8(&event, 0);
	pthread_mutex_lock(&api.mutex);
	for (int i = 0; i < api.follower_count; i++)
		write_all(api.followers[i], buf_data(&event), buf_len(&event));
	pthread_mutex_unlock(&api.mutex);
}

void
fake_api_hang_up(void)
{
	pthread_mutex_lock(&api.mutex);
	for (int i = 0; i < api.follower_count; i++)
		close(api.followers[i]);
	api.follower_count = 0;
	pthread_mutex_unlock(&api.mutex);
}
