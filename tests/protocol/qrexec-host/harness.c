/* See harness.h. */
#include "harness.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/path.h"

uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
pause_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};

	nanosleep(&pause, NULL);
}

int
fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	AUTO_FREE char *sockets = NULL;
	AUTO_FREE char *vchan = NULL;

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(f->root, sizeof(f->root), "/tmp/bulkhead-test-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	sockets = fixture_path(f, "run/qubes");
	vchan = fixture_path(f, "vchan");
	assert_int_equal(make_directories(sockets, 0700, NULL), 0);
	assert_int_equal(make_directories(vchan, 0700, NULL), 0);
	setenv("BULKHEAD_ROOT", f->root, 1);
	setenv("VCHAN_SOCKET_DIR", vchan, 1);
	setenv("VCHAN_TRANSPORT", "unix", 1);
	setenv("VCHAN_DOMAIN", "0", 1);
	*state = f;
	return 0;
}

/*
 * What our processes started and left behind, such as an agent's handler that waits for a client
 * that was killed: it has become our child, and its time is up.
 */
static void
end_strays(void)
{
	AUTO_FREE char *path = NULL;
	int pid;

	assert_true(asprintf(&path, "/proc/self/task/%d/children", (int)getpid()) > 0);
	for (bool found = true; found;) {
		AUTO_FILE FILE *file = fopen(path, "re");

		found = file != NULL && fscanf(file, "%d", &pid) == 1;
		if (found) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
	}
}

int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->pid_count; i++) {
		if (f->pids[i] == 0)
			continue;
		kill(f->pids[i], SIGTERM);
		process_wait(f, f->pids[i]);
	}
	end_strays();
	assert_int_equal(remove_tree(f->root, NULL), 0);
	free(f);
	return 0;
}

char *
fixture_path(const struct fixture *f, const char *format, ...)
{
	char *name = NULL, *path = NULL;
	va_list arguments;

	va_start(arguments, format);
	assert_true(vasprintf(&name, format, arguments) > 0);
	va_end(arguments);
	assert_true(asprintf(&path, "%s/%s", f->root, name) > 0);
	free(name);
	return path;
}

void
fixture_script(const struct fixture *f, const char *name, const char *format, ...)
{
	AUTO_FREE char *path = fixture_path(f, "%s", name);
	AUTO_FREE char *directory = strdup(path);
	FILE *file;
	va_list arguments;

	*strrchr(directory, '/') = '\0';
	assert_int_equal(make_directories(directory, 0755, NULL), 0);
	file = fopen(path, "we");
	assert_non_null(file);
	va_start(arguments, format);
	assert_true(vfprintf(file, format, arguments) >= 0);
	va_end(arguments);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

pid_t
process_start(struct fixture *f, const char *const *argv, int stdin_fd, int stdout_fd)
{
	struct child_fd fds[3] = {{2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	size_t slot = 0;
	pid_t pid;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = 1;
	config.die_with_parent = true;
	if (stdin_fd >= 0)
		fds[config.fd_count++] = (struct child_fd){stdin_fd, 0};
	if (stdout_fd >= 0)
		fds[config.fd_count++] = (struct child_fd){stdout_fd, 1};
	pid = child_start(&config, &err);
	if (pid < 0)
		fail_msg("%s", err_message(&err));
	while (slot < f->pid_count && f->pids[slot] != 0)
		slot++;
	assert_true(slot < sizeof(f->pids) / sizeof(f->pids[0]));
	f->pids[slot] = pid;
	if (slot == f->pid_count)
		f->pid_count++;
	return pid;
}

int
process_wait(struct fixture *f, pid_t pid)
{
	uint64_t deadline = now_ms() + TIMEOUT_MS;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() > deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			fail_msg("process %d does not end", (int)pid);
		}
		pause_ms(2);
	}
	for (size_t i = 0; i < f->pid_count; i++) {
		if (f->pids[i] == pid)
			f->pids[i] = 0;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool
process_alive(pid_t pid)
{
	siginfo_t information = {0};

	return waitid(P_PID, (id_t)pid, &information, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       information.si_pid == 0;
}

pid_t
daemon_start(struct fixture *f, int domain, ...)
{
	const char *argv[24] = {QREXEC_DAEMON, "-D"};
	char number[16];
	size_t count = 2;
	va_list options;

	va_start(options, domain);
	while ((argv[count] = va_arg(options, const char *)) != NULL)
		count++;
	va_end(options);
	snprintf(number, sizeof(number), "%d", domain);
	argv[count++] = domain == DOMAIN_ALPHA ? "--uuid=" UUID_ALPHA : "--uuid=" UUID_BETA;
	argv[count++] = number;
	argv[count++] = domain == DOMAIN_ALPHA ? "alpha" : "beta";
	argv[count++] = "nobody";
	argv[count] = NULL;
	return process_start(f, argv, -1, -1);
}

void
await_path(const char *path, bool present)
{
	uint64_t deadline = now_ms() + TIMEOUT_MS;
	struct stat st;

	while ((lstat(path, &st) == 0) != present) {
		if (now_ms() > deadline)
			fail_msg("path '%s' is %s", path, present ? "not there" : "still there");
		pause_ms(2);
	}
}

static void
fill_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	assert_true(strlen(path) < sizeof(address->sun_path));
	memcpy(address->sun_path, path, strlen(path) + 1);
}

static int
connect_path(const char *path)
{
	uint64_t deadline = now_ms() + TIMEOUT_MS;
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	fill_address(&address, path);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (now_ms() > deadline)
			fail_msg("cannot connect to '%s': %s", path, strerror(errno));
		pause_ms(2);
	}
	return fd;
}

int
local_connect_to(const struct fixture *f, const char *name)
{
	AUTO_FREE char *path = fixture_path(f, "run/qubes/qrexec.%s", name);

	return connect_path(path);
}

int
listen_on(const char *path)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	fill_address(&address, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void
await_input(int fd, const char *what)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	if (poll(&poll_fd, 1, TIMEOUT_MS) != 1)
		fail_msg("%s: nothing in time", what);
}

int
accept_on(int listen_fd)
{
	int fd;

	await_input(listen_fd, "accept");
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

int
vchan_listen_raw(const struct fixture *f, int server, int client, int port)
{
	AUTO_FREE char *path = fixture_path(f, "vchan/vchan.%d.%d.%d.sock", server, client, port);

	return listen_on(path);
}

int
vchan_connect_raw(const struct fixture *f, int server, int client, int port)
{
	AUTO_FREE char *path = fixture_path(f, "vchan/vchan.%d.%d.%d.sock", server, client, port);

	return connect_path(path);
}

int
agent_listen(const struct fixture *f, int domain)
{
	return vchan_listen_raw(f, domain, 0, 512);
}

int
agent_accept(int listen_fd)
{
	int fd = accept_on(listen_fd);

	close(listen_fd);
	return fd;
}

void
agent_hello(int fd, uint32_t version)
{
	send_hello(fd, version);
	expect_hello(fd, version < QREXEC_VERSION ? version : QREXEC_VERSION);
}

int
agent_connect(struct fixture *f, int domain)
{
	AUTO_FREE char *path = fixture_path(f, "run/qubes/qrexec.%d", domain);
	AUTO_FREE char *link =
		fixture_path(f, "run/qubes/qrexec.%s", domain == DOMAIN_ALPHA ? "alpha" : "beta");
	int fd = agent_accept(agent_listen(f, domain));

	agent_hello(fd, 4);
	await_path(path, true);
	await_path(link, true);
	return fd;
}

void
send_bytes(int fd, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

	while (size > 0) {
		ssize_t count;

		if (poll(&poll_fd, 1, TIMEOUT_MS) != 1)
			fail_msg("send: no room in time");
		count = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count < 0 && errno == EAGAIN)
			continue;
		if (count < 0) /* the peer may well close in the middle */
			return;
		bytes += count;
		size -= (size_t)count;
	}
}

void
send_frame(int fd, uint32_t type, const void *body, size_t size)
{
	uint8_t *bytes = malloc(size + 8);
	uint32_t header[2] = {htole32(type), htole32((uint32_t)size)};

	assert_non_null(bytes);
	memcpy(bytes, header, 8);
	if (size > 0)
		memcpy(bytes + 8, body, size);
	send_bytes(fd, bytes, size + 8);
	free(bytes);
}

void
send_hello(int fd, uint32_t version)
{
	version = htole32(version);
	send_frame(fd, QREXEC_HELLO, &version, 4);
}

void
send_params(int fd, uint32_t type, uint32_t domain, uint32_t port, const char *text)
{
	uint8_t body[FRAME_MAX];
	size_t size = text != NULL ? strlen(text) + 1 : 0;

	assert_true(size + 8 <= sizeof(body));
	domain = htole32(domain);
	port = htole32(port);
	memcpy(body, &domain, 4);
	memcpy(body + 4, &port, 4);
	if (size > 0)
		memcpy(body + 8, text, size);
	send_frame(fd, type, body, size + 8);
}

void
send_trigger(int fd, const char *target, const char *id, const char *service)
{
	uint8_t body[FRAME_MAX] = {0};

	memcpy(body + 64, target, strlen(target));
	memcpy(body + 128, id, strlen(id));
	memcpy(body + 160, service, strlen(service) + 1);
	send_frame(fd, QREXEC_TRIGGER_SERVICE4, body, 160 + strlen(service) + 1);
}

void
receive_bytes(int fd, void *data, size_t size)
{
	uint8_t *bytes = data;

	while (size > 0) {
		ssize_t count;

		await_input(fd, "receive");
		count = read(fd, bytes, size);
		if (count <= 0)
			fail_msg("receive: connection ended, %zu bytes short", size);
		bytes += count;
		size -= (size_t)count;
	}
}

void
receive_frame(int fd, struct frame *ret_frame)
{
	uint32_t header[2];

	receive_bytes(fd, header, 8);
	ret_frame->type = le32toh(header[0]);
	ret_frame->length = le32toh(header[1]);
	assert_true(ret_frame->length <= FRAME_MAX);
	receive_bytes(fd, ret_frame->body, ret_frame->length);
}

void
expect_bytes(int fd, const void *data, size_t size)
{
	uint8_t *bytes = malloc(size);

	assert_non_null(bytes);
	receive_bytes(fd, bytes, size);
	assert_memory_equal(bytes, data, size);
	free(bytes);
}

void
expect_hello(int fd, uint32_t version)
{
	const uint32_t hello[3] = {htole32(QREXEC_HELLO), htole32(4), htole32(version)};

	expect_bytes(fd, hello, sizeof(hello));
}

uint32_t
expect_params(int fd, uint32_t type, uint32_t domain, const char *text)
{
	struct frame frame;
	uint32_t words[2];

	receive_frame(fd, &frame);
	assert_int_equal(frame.type, type);
	assert_true(frame.length >= 8);
	memcpy(words, frame.body, 8);
	assert_int_equal(le32toh(words[0]), domain);
	if (text == NULL) {
		assert_int_equal(frame.length, 8);
	} else {
		assert_int_equal(frame.length, 8 + strlen(text) + 1);
		assert_memory_equal(frame.body + 8, text, strlen(text) + 1);
	}
	return le32toh(words[1]);
}

void
expect_refused(int fd, const char *id)
{
	char body[QREXEC_REQUEST_ID_BYTES] = {0};
	struct frame frame;

	memcpy(body, id, strlen(id));
	receive_frame(fd, &frame);
	assert_int_equal(frame.type, QREXEC_SERVICE_REFUSED);
	assert_int_equal(frame.length, sizeof(body));
	assert_memory_equal(frame.body, body, sizeof(body));
}

void
expect_end(int fd)
{
	char byte;

	await_input(fd, "end");
	if (read(fd, &byte, 1) > 0)
		fail_msg("bytes where the end was expected");
}

void
expect_silence(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&poll_fd, 1, 150), 0);
}

size_t
from_hex(const char *hex, uint8_t *ret_bytes)
{
	size_t count = 0;
	unsigned int byte;
	int used;

	while (sscanf(hex, " %2x%n", &byte, &used) == 1) {
		ret_bytes[count++] = (uint8_t)byte;
		hex += used;
	}
	return count;
}

int
client_connect_to(const struct fixture *f, const char *name)
{
	int fd = local_connect_to(f, name);

	expect_hello(fd, 3);
	send_hello(fd, 3);
	return fd;
}

int
qubesd_listen(const struct fixture *f)
{
	AUTO_FREE char *path = fixture_path(f, "run/qubesd.sock");

	return listen_on(path);
}

int
qubesd_expect(int listen_fd, const char *request)
{
	int fd = accept_on(listen_fd);
	char text[4096];
	size_t size = 0;
	ssize_t count = 1;

	while (count > 0) {
		await_input(fd, "qubesd");
		count = read(fd, text + size, sizeof(text) - 1 - size);
		assert_true(count >= 0);
		size += (size_t)count;
	}
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\0')
			text[i] = '|';
	}
	text[size] = '\0';
	assert_string_equal(text, request);
	return fd;
}

void
qubesd_answer(int fd, const char *answer, size_t size)
{
	send_bytes(fd, answer, size);
	close(fd);
}
