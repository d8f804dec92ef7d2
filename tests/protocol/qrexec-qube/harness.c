/* The other side of everything that a qube's qrexec programs talk to; see harness.h. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/text.h"

#define PATHS 8
#define SILENCE_MS 100

int
qube_setup(void **state)
{
	struct qube *q = xcalloc(1, sizeof(*q));
	const struct passwd *user = getpwuid(geteuid());
	char text[16];

	strcpy(q->directory, "/tmp/qrexec-qube-XXXXXX");
	if (mkdtemp(q->directory) == NULL || user == NULL)
		return -1;
	snprintf(q->user, sizeof(q->user), "%s", user->pw_name);
	q->control = -1;
	mkdir(qube_path(q, "rpc"), 0755);
	mkdir(qube_path(q, "config"), 0755);
	snprintf(text, sizeof(text), "%d", OWN_DOMAIN);
	setenv("VCHAN_TRANSPORT", "unix", 1);
	setenv("VCHAN_SOCKET_DIR", q->directory, 1);
	setenv("VCHAN_DOMAIN", text, 1);
	setenv("QREXEC_NO_ROOT", "1", 1);
	setenv("QREXEC_SERVICE_PATH", qube_path(q, "rpc"), 1);
	setenv("QUBES_RPC_CONFIG_PATH", qube_path(q, "config"), 1);
	signal(SIGPIPE, SIG_IGN);
	*state = q;
	return 0;
}

int
qube_teardown(void **state)
{
	struct qube *q = *state;

	if (q->control >= 0)
		close(q->control);
	if (q->agent > 0) {
		kill(q->agent, SIGTERM);
		assert_int_equal(await_exit(q->agent), 0);
	}
	remove_tree(q->directory, NULL);
	free(q);
	return 0;
}

const char *
qube_path(const struct qube *q, const char *format, ...)
{
	static char paths[PATHS][256];
	static int next;
	char *path = paths[next++ % PATHS];
	va_list arguments;
	int n = snprintf(path, sizeof(paths[0]), "%s/", q->directory);

	va_start(arguments, format);
	vsnprintf(path + n, sizeof(paths[0]) - (size_t)n, format, arguments);
	va_end(arguments);
	return path;
}

void
qube_file(const struct qube *q, const char *name, int mode, const char *text)
{
	int fd = open(qube_path(q, "%s", name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, (mode_t)mode), 0);
	close(fd);
}

void
qube_service(const struct qube *q, const char *name, const char *text)
{
	char *file = text_format("rpc/%s", name);

	qube_file(q, file, 0755, text);
	free(file);
}

void
qube_config(const struct qube *q, const char *name, const char *text)
{
	char *file = text_format("config/%s", name);

	qube_file(q, file, 0644, text);
	free(file);
}

pid_t
start(const char *const *argv, const int stdio[3])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	for (int i = 0; stdio != NULL && i < 3; i++)
		if (stdio[i] >= 0 && stdio[i] != i)
			dup2(stdio[i], i);
	close_range(3, ~0U, 0);
	execv(argv[0], (char *const *)argv);
	_exit(99);
}

int
await_exit(pid_t pid)
{
	struct timespec pause = {0, 2000000};
	int status;

	for (int i = 0; i < TIMEOUT_MS / 2; i++) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done == pid)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		assert_int_equal(done, 0);
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	fail_msg("process %d does not end", (int)pid);
	return -1;
}

static void
limit_time(int fd)
{
	struct timeval limit = {TIMEOUT_MS / 1000, 0};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static struct sockaddr_un
address(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

int
unix_listen(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 300), 0);
	return fd;
}

int
unix_connect(const char *path)
{
	struct sockaddr_un a = address(path);
	struct timespec pause = {0, 2000000};

	for (int i = 0; i < TIMEOUT_MS / 2; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
			limit_time(fd);
			return fd;
		}
		close(fd);
		nanosleep(&pause, NULL);
	}
	fail_msg("'%s': nobody listens", path);
	return -1;
}

int
accept_one(int listen_fd)
{
	struct pollfd wait = {.fd = listen_fd, .events = POLLIN};
	int fd;

	assert_int_equal(poll(&wait, 1, TIMEOUT_MS), 1);
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	limit_time(fd);
	return fd;
}

void
agent_start(struct qube *q, ...)
{
	const char *argv[12] = {QREXEC_AGENT, "-a", qube_path(q, "agent.sock")};
	va_list arguments;
	int n = 3;

	va_start(arguments, q);
	while ((argv[n] = va_arg(arguments, const char *)) != NULL)
		n++;
	va_end(arguments);
	q->agent = start(argv, NULL);
}

void
control_connect(struct qube *q)
{
	q->control = unix_connect(qube_path(q, "vchan.%d.0.512.sock", OWN_DOMAIN));
}

void
control_hello(struct qube *q, uint32_t version)
{
	expect_frame(q->control, QREXEC_HELLO, "\4\0\0", 4);
	send_u32(q->control, QREXEC_HELLO, version);
}

void
agent_up(struct qube *q)
{
	agent_start(q, "--no-fork-server", NULL);
	control_connect(q);
	control_hello(q, 4);
}

int
caller_connect(const struct qube *q)
{
	return unix_connect(qube_path(q, "agent.sock"));
}

int
call_listen(const struct qube *q, int domain, int port)
{
	return unix_listen(qube_path(q, "vchan.%d.%d.%d.sock", domain, OWN_DOMAIN, port));
}

int
call_start_at(
	struct qube *q, uint32_t type, int domain, int port, uint32_t version, const char *command)
{
	int listen_fd = call_listen(q, domain, port);
	int fd;

	send_params(
		q->control, type, (uint32_t)domain, (uint32_t)port, command, strlen(command) + 1);
	fd = accept_one(listen_fd);
	close(listen_fd);
	unlink(qube_path(q, "vchan.%d.%d.%d.sock", domain, OWN_DOMAIN, port));
	expect_frame(fd, QREXEC_HELLO, "\4\0\0", 4);
	send_u32(fd, QREXEC_HELLO, version);
	return fd;
}

int
call_start(struct qube *q, uint32_t type, const char *command)
{
	return call_start_at(q, type, 7, 513, 4, command);
}

void
call_run(struct qube *q, const char *command, struct outcome *ret_outcome)
{
	int fd = call_start(q, QREXEC_EXEC_CMDLINE, command);

	collect(fd, ret_outcome);
	close(fd);
	expect_terminated(q, 7, 513);
}

void
expect_terminated(struct qube *q, uint32_t domain, uint32_t port)
{
	uint32_t body[2] = {domain, port};

	expect_frame(q->control, QREXEC_CONNECTION_TERMINATED, body, sizeof(body));
}

const char *
own(const struct qube *q, const char *rest)
{
	static char text[FRAME_MAX];

	snprintf(text, sizeof(text), "%s:%s", q->user, rest);
	return text;
}

void
collect(int fd, struct outcome *o)
{
	static struct frame f;

	memset(o, 0, sizeof(*o));
	o->code = -1;
	while (receive_frame(fd, &f)) {
		o->code_last = f.type == QREXEC_DATA_EXIT_CODE;
		if (f.type == QREXEC_DATA_STDOUT) {
			assert_int_equal(o->output_ends, 0);
			assert_true(o->output_size + f.length < sizeof(o->output));
			memcpy(o->output + o->output_size, f.body, f.length);
			o->output_size += f.length;
			o->output_ends += f.length == 0;
		} else if (f.type == QREXEC_DATA_STDERR) {
			assert_int_equal(o->errors_ends, 0);
			assert_true(o->errors_size + f.length < sizeof(o->errors));
			memcpy(o->errors + o->errors_size, f.body, f.length);
			o->errors_size += f.length;
			o->errors_ends += f.length == 0;
		} else {
			assert_int_equal(f.type, QREXEC_DATA_EXIT_CODE);
			assert_int_equal(f.length, 4);
			assert_int_equal(o->code, -1);
			o->code = (int)(f.body[0] | f.body[1] << 8);
		}
	}
}

void
expect_outcome(const struct outcome *o, int code, const char *output, const char *errors)
{
	assert_string_equal(o->output, output);
	if (errors != NULL)
		assert_string_equal(o->errors, errors);
	assert_int_equal(o->code, code);
	assert_int_equal(o->output_ends, 1);
	assert_int_equal(o->errors_ends, 1);
	assert_true(o->code_last);
}

void
send_bytes(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n < 0)
			fail_msg("cannot send: %s", strerror(errno));
		at += n;
		size -= (size_t)n;
	}
}

void
send_slowly(int fd, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		struct timespec pause = {0, 200000};

		send_bytes(fd, (const char *)data + i, 1);
		nanosleep(&pause, NULL);
	}
}

void
send_header(int fd, uint32_t type, uint32_t length)
{
	uint32_t header[2] = {type, length};

	send_bytes(fd, header, sizeof(header));
}

void
send_frame(int fd, uint32_t type, const void *body, size_t size)
{
	send_header(fd, type, (uint32_t)size);
	send_bytes(fd, body, size);
}

void
send_text(int fd, uint32_t type, const char *text)
{
	send_frame(fd, type, text, strlen(text));
}

void
send_u32(int fd, uint32_t type, uint32_t value)
{
	send_frame(fd, type, &value, sizeof(value));
}

void
send_params(int fd, uint32_t type, uint32_t domain, uint32_t port, const void *text, size_t size)
{
	uint32_t params[2] = {domain, port};

	send_header(fd, type, (uint32_t)(sizeof(params) + size));
	send_bytes(fd, params, sizeof(params));
	send_bytes(fd, text, size);
}

void
send_trigger(int fd, const char *source, const char *target, const void *id, const char *service)
{
	char head[QREXEC_TRIGGER4_HEAD_BYTES] = "";
	size_t size = strlen(service) + 1;

	snprintf(head, 64, "%s", source);
	snprintf(head + 64, 64, "%s", target);
	memcpy(head + 128, id, 32);
	send_header(fd, QREXEC_TRIGGER_SERVICE4, (uint32_t)(sizeof(head) + size));
	send_bytes(fd, head, sizeof(head));
	send_bytes(fd, service, size);
}

/* False at an orderly or abrupt end before the first byte. */
static bool
receive(int fd, void *data, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = recv(fd, (char *)data + have, size - have, 0);

		if (have == 0 && (n == 0 || (n < 0 && errno == ECONNRESET)))
			return false;
		if (n <= 0)
			fail_msg("cannot receive: %s", n < 0 ? strerror(errno) : "early end");
		have += (size_t)n;
	}
	return true;
}

bool
receive_frame(int fd, struct frame *f)
{
	uint32_t header[2];

	if (!receive(fd, header, sizeof(header)))
		return false;
	f->type = header[0];
	f->length = header[1];
	assert_true(f->length <= FRAME_MAX);
	if (f->length > 0)
		assert_true(receive(fd, f->body, f->length));
	f->body[f->length] = 0;
	return true;
}

void
expect_frame(int fd, uint32_t type, const void *body, size_t size)
{
	static struct frame f;

	assert_true(receive_frame(fd, &f));
	assert_int_equal(f.type, type);
	assert_int_equal(f.length, size);
	assert_memory_equal(f.body, body, size);
}

void
expect_bytes(int fd, const void *data, size_t size)
{
	static uint8_t bytes[FRAME_MAX];

	assert_true(size <= sizeof(bytes));
	assert_true(receive(fd, bytes, size));
	assert_memory_equal(bytes, data, size);
}

void
expect_end(int fd)
{
	char byte;

	assert_false(receive(fd, &byte, 1));
}

void
expect_silence(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&wait, 1, SILENCE_MS), 0);
}
