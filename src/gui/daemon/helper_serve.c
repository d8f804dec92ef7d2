/*
 * The helper at work; see helper.h. Of what the daemon asks, this is why it is safe:
 *
 *  CONNECT  the domain and the paths come from our own configuration.
 *  COPY     written under this qube's name, with the time rule of the store; nothing else changes.
 *  PASTE    gives out only what the policy lets this qube have, and at most once.
 *  NOTIFY   the text is an argument of notify-send, with the qube's name put in front here.
 *  ASK      the same; only the person's click ends the qube, and only this one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "gui/clipboard/policy.h"
#include "gui/clipboard/store.h"
#include "gui/daemon/config.h"
#include "gui/daemon/helper_protocol.h"
#include "gui/protocol/protocol.h"
#include "gui/protocol/window_memory.h"
#include "vchan/vchan_extra.h"

#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000
#define NOTICE_MAX_BYTES 512
#define CHOICE_MAX_BYTES 256

struct server {
	const struct gui_config *config;
	int fd, descriptor_fd;
	char *directory, *policy_socket;
	pid_t question; /* who waits for the user's answer; 0: nobody yet */
};

/* Notifications are for comfort: without notify-send there is the log. */
static void
notify(const struct server *s, const char *text)
{
	AUTO_FREE char *title = text_format("Qube %s", s->config->name);
	const char *argv[] = {"notify-send", "--app-name=Bulkhead", "--", title, text, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;

	log_info("notice: %s", text);
	config.argv = argv;
	config.die_with_parent = true;
	if (getenv("BULKHEAD_NO_NOTIFY") == NULL)
		child_start(&config, &err);
}

/* In a process of its own: people take their time. */
static void
await_choice(const struct server *s, const char *text)
{
	AUTO_FREE char *title = text_format("Qube %s", s->config->name);
	const char *ask[] = {"notify-send", "--app-name=Bulkhead", "--urgency=critical",
		"--action=end=End the qube", "--action=ignore=Ignore", "--", title, text, NULL};
	const char *end[] = {"qvm-kill", s->config->name, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *choice = NULL;

	signal(SIGCHLD, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	config.argv = ask;
	config.die_with_parent = true;
	if (child_run(&config, CHOICE_MAX_BYTES, &choice, &err) != 0 ||
		!text_equal(choice, "end\n"))
		return;
	log_warning("the user ends the qube");
	config.argv = end;
	if (child_run(&config, CHOICE_MAX_BYTES, NULL, &err) != 0)
		log_error("the qube was not ended: %s", err_message(&err));
}

/* One question at a time. */
static void
ask(struct server *s, const char *text)
{
	log_info("question: %s", text);
	if (getenv("BULKHEAD_NO_NOTIFY") != NULL ||
		(s->question > 0 && !process_has_ended(s->question)))
		return;
	s->question = fork();
	if (s->question != 0)
		return;
	await_choice(s, text);
	_exit(0);
}

static int
answer(struct server *s, struct helper_head head, const void *bytes)
{
	int result = write_all(s->fd, &head, sizeof(head));

	if (result == 0 && head.size > 0)
		result = write_all(s->fd, bytes, head.size);
	return result;
}

static void
pause_ms(unsigned int *delay_ms)
{
	struct timespec wait = {
		.tv_sec = *delay_ms / 1000, .tv_nsec = (long)(*delay_ms % 1000) * 1000000};

	nanosleep(&wait, NULL);
	*delay_ms = *delay_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : *delay_ms * 2;
}

/* A unix socket that an agent listens on: for tests, and for agents of this host. */
static int
connect_unix(const char *path)
{
	unsigned int delay_ms = RETRY_MIN_MS;

	for (;;) {
		AUTO_ERR struct err err = ERR_INIT;
		int fd = socket_connect(path, &err);

		if (fd >= 0)
			return fd;
		pause_ms(&delay_ms);
	}
}

/* The stream to the agent; waits for it. -1 when there will be none. */
static int
connect_agent(const struct server *s)
{
	const char *where = s->config->connect;
	libvchan_t *channel;
	int result, fd = -1;

	if (where != NULL && text_starts_with(where, "unix:"))
		return connect_unix(where + strlen("unix:"));
	channel = vchan_client_connect((int)s->config->domain, GUI_VCHAN_PORT, -1);
	if (channel == NULL) {
		log_error("agent: cannot connect: %s", strerror(errno));
		return -1;
	}
	fd = vchan_detach(channel);
	result = fd;
	if (result < 0)
		libvchan_close(channel);
	return fd;
}

/* The window memory, fresh for each boot; without it there are windows without content. */
static int
get_pool(const struct server *s)
{
	AUTO_ERR struct err err = ERR_INIT;
	uint64_t size_bytes;
	int fd;

	if (s->config->pool_fd >= 0)
		return window_memory_open_read_only(s->config->pool_fd, &err);
	if (s->config->connect != NULL)
		return -1;
	fd = window_memory_receive(s->config->domain, &size_bytes, &err);
	if (fd < 0)
		log_error("%s", err_message(&err));
	return fd;
}

static int
serve_connect(struct server *s)
{
	AUTO_FD int stream_fd = connect_agent(s);
	AUTO_FD int pool_fd = -1;
	struct helper_head head = {.type = HELPER_CONNECTED, .a = 1};

	if (stream_fd < 0)
		return answer(s, (struct helper_head){.type = HELPER_REFUSED}, NULL);
	pool_fd = get_pool(s);
	if (socket_send_fd(s->descriptor_fd, "s", 1, stream_fd) < 0)
		return -EPIPE;
	if (pool_fd >= 0) {
		head.a = 2;
		if (socket_send_fd(s->descriptor_fd, "p", 1, pool_fd) < 0)
			return -EPIPE;
	}
	/* The console of the machine goes when its real windows come. */
	if (s->config->kill_on_connect > 0)
		kill(s->config->kill_on_connect, SIGUSR1);
	return answer(s, head, NULL);
}

static struct clipboard_operation
operation_of(const struct server *s, const struct helper_head *head)
{
	return (struct clipboard_operation){
		.qube = s->config->name,
		.time = head->a,
		.sent_bytes = head->size,
		.limit_bytes = s->config->max_clipboard_bytes,
		.agent_version = head->b,
	};
}

static void
report(const struct server *s, int result, const struct err *err, const char *text)
{
	if (result > 0)
		notify(s, text);
	else if (result == 0)
		log_info("clipboard: something newer was there");
	else
		log_error("%s", err_message(err));
}

static int
serve_copy(struct server *s, const struct helper_head *head, const void *bytes)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct clipboard_operation o = operation_of(s, head);
	int result = clipboard_copy(s->directory, &o, bytes, head->size, &err);
	char text[NOTICE_MAX_BYTES];

	if (head->size == 0)
		snprintf(text, sizeof(text), "Its clipboard is empty; the global one was wiped.");
	else
		snprintf(text, sizeof(text),
			"%u bytes were copied to the global clipboard. Press the paste keys in the "
			"qube that is to have them.",
			head->size);
	report(s, result, &err, text);
	return 0;
}

static int
serve_refuse(struct server *s, const struct helper_head *head)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct clipboard_operation o = operation_of(s, head);
	char text[NOTICE_MAX_BYTES];

	o.sent_bytes = head->c;
	snprintf(text, sizeof(text),
		"It wanted to copy %u bytes, its limit is %u. The global clipboard was wiped.",
		head->c, s->config->max_clipboard_bytes);
	report(s, clipboard_refuse_oversize(s->directory, &o, &err), &err, text);
	return 0;
}

/* The policy is asked without the lock; take() sees whether anything happened meanwhile. */
static int
serve_paste(struct server *s, const struct helper_head *head)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct clipboard_operation o = operation_of(s, head);
	struct clipboard_state state;
	char text[NOTICE_MAX_BYTES];
	AUTO_BUF struct buf data;
	int result;

	buf_init(&data, CLIPBOARD_MAX_BYTES);
	o.agent_version = GUI_VERSION_OURS;
	if (clipboard_look(s->directory, &state, &err) < 0) {
		log_error("%s", err_message(&err));
		return 0;
	}
	if (state.source[0] == '\0') {
		log_info("clipboard: nothing to paste");
		return 0;
	}
	if (text_equal(state.source, s->config->name) ||
		!clipboard_policy_allows(s->policy_socket, state.source, s->config->name)) {
		snprintf(text, sizeof(text), "Pasting from %s is denied by the policy.",
			state.source);
		notify(s, text);
		return 0;
	}
	result = clipboard_take(s->directory, &o, &state, &data, &err);
	snprintf(text, sizeof(text),
		"%zu bytes from %s were pasted; the global clipboard was wiped.", buf_len(&data),
		state.source);
	report(s, result, &err, text);
	if (result <= 0)
		return 0;
	return answer(s,
		(struct helper_head){
			.type = HELPER_PASTED, .b = head->b, .size = (uint32_t)buf_len(&data)},
		buf_data(&data));
}

static int
serve_record(struct server *s, const struct helper_head *head, char *bytes)
{
	switch (head->type) {
	case HELPER_CONNECT:
		return serve_connect(s);
	case HELPER_COPY:
		return serve_copy(s, head, bytes);
	case HELPER_REFUSE:
		return serve_refuse(s, head);
	case HELPER_PASTE:
		return serve_paste(s, head);
	case HELPER_NOTIFY:
		if (head->size <= NOTICE_MAX_BYTES)
			notify(s, bytes);
		return 0;
	case HELPER_ASK:
		if (head->size <= NOTICE_MAX_BYTES)
			ask(s, bytes);
		return 0;
	}
	return -EPROTO;
}

int
helper_serve(const struct gui_config *config, int socket_fd, int descriptor_fd)
{
	struct server s = {.config = config, .fd = socket_fd, .descriptor_fd = descriptor_fd};
	char *bytes = xcalloc(1, HELPER_DATA_MAX + 1);
	struct helper_head head;
	int result = 0;

	s.directory =
		config->state_dir != NULL ? text_copy(config->state_dir) : root_path("/run/qubes");
	s.policy_socket = config->policy_socket != NULL ? text_copy(config->policy_socket)
							: root_path(CLIPBOARD_POLICY_SOCKET);
	/* Children are notify-send; nobody waits for them. */
	signal(SIGCHLD, SIG_IGN);
	while (result == 0 && read_exactly(s.fd, &head, sizeof(head)) == 0) {
		if (head.size > HELPER_DATA_MAX || read_exactly(s.fd, bytes, head.size) < 0)
			break;
		bytes[head.size] = '\0';
		result = serve_record(&s, &head, bytes);
	}
	free(s.directory);
	free(s.policy_socket);
	free(bytes);
	return 0;
}
