/* The daemon under test and what it stands on; see daemon_fixture.h. */
#include "daemon_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define POLICY_SOCKET "/run/qubes/policy.sock"
#define START_TIMEOUT_MS 20000
#define MAX_ANSWER_BYTES 65536
#define QUBE_FORMAT                                                                                \
	"\"%s\":{\"type\":\"%s\",\"uuid\":\"%s\",\"tags\":[\"%s\",\"guivm-gui\"],"                 \
	"\"guivm\":\"dom0\",\"power_state\":\"Running\"}"

static char root[] = "/tmp/bulkhead-test-policyd-XXXXXX";
static char *facts_path;

static void
make(const char *path)
{
	AUTO_FREE char *full = root_path("%s", path);

	if (make_directories(full, 0755, NULL) < 0)
		fatal("'%s': cannot create", full);
}

void
daemon_root_create(void)
{
	if (mkdtemp(root) == NULL || setenv("BULKHEAD_ROOT", root, 1) < 0)
		fatal("cannot create a root");
	make("/run/qubes");
	make("/etc/qubes/policy.d");
	facts_path = root_path("/facts.json");
}

void
daemon_root_destroy(void)
{
	remove_tree(root, NULL);
	free(facts_path);
}

static bool
answers(void)
{
	AUTO_FREE char *path = root_path(POLICY_SOCKET);
	AUTO_FD int fd = socket_connect(path, NULL);

	return fd >= 0;
}

pid_t
daemon_start(void)
{
	return daemon_start_with(NULL, NULL);
}

pid_t
daemon_start_with(const char *option, const char *value)
{
	const char *const argv[] = {POLICY_DAEMON, option, value, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	const struct child_fd fds[] = {{2, 2}};
	AUTO_ERR struct err err = ERR_INIT;
	pid_t pid;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = 1;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	if (pid < 0)
		fatal("%s", err_message(&err));
	for (int i = 0; i < START_TIMEOUT_MS / 10; i++) {
		if (answers())
			return pid;
		usleep(10000);
	}
	fatal("the daemon does not start");
}

int
daemon_stop(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void
daemon_write_policy(const char *name, const char *text)
{
	AUTO_FREE char *path = root_path("/etc/qubes/policy.d/%s", name);

	if (write_file(path, text, strlen(text), 0644, NULL) < 0)
		fatal("'%s': cannot write", path);
}

const char *
daemon_write_facts(const char *tag_of_work)
{
	static const struct {
		const char *name, *type, *uuid;
	} qubes[] = {
		{"dom0", "AdminVM", "00000000-0000-0000-0000-000000000000"},
		{"work", "AppVM", "c0ffee00-0000-4000-8000-000000000001"},
		{"red", "AppVM", "c0ffee00-0000-4000-8000-000000000002"},
		{"vault", "AppVM", "c0ffee00-0000-4000-8000-000000000003"},
	};
	AUTO_BUF struct buf out;

	buf_init(&out, 65536);
	buf_put_string(&out, "{\"domains\":{");
	for (size_t i = 0; i < sizeof(qubes) / sizeof(qubes[0]); i++) {
		AUTO_FREE char *text = text_format(QUBE_FORMAT, qubes[i].name, qubes[i].type,
			qubes[i].uuid, i == 1 ? tag_of_work : "other");

		buf_printf(&out, "%s%s", i > 0 ? "," : "", text);
	}
	buf_put_string(&out, "}}");
	if (write_file(facts_path, buf_data(&out), buf_len(&out), 0644, NULL) < 0)
		fatal("facts: cannot write");
	return facts_path;
}

char *
daemon_exchange(const char *socket_path, const void *data, size_t size)
{
	AUTO_FREE char *path = root_path("%s", socket_path);
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int fd = socket_connect(path, &err);
	AUTO_BUF struct buf answer;

	buf_init(&answer, MAX_ANSWER_BYTES);
	if (fd < 0)
		fatal("%s", err_message(&err));
	write_all(fd, data, size);
	shutdown(fd, SHUT_WR);
	while (buf_read_fd(&answer, fd, MAX_ANSWER_BYTES) > 0)
		continue;
	return buf_steal_string(&answer);
}

char *
daemon_ask(const char *source, const char *target, const char *service, const char *more)
{
	AUTO_FREE char *question = text_format("source=%s\nintended_target=%s\n"
					       "service_and_arg=%s\nrequested_source=\n%s\n",
		source, target, service, more);

	return daemon_exchange(POLICY_SOCKET, question, strlen(question));
}

char *
daemon_read_log(void)
{
	AUTO_FREE char *path = root_path("/var/log/qubes/qrexec-policy.log");
	char *text = NULL;

	if (read_file(path, 1 << 20, &text, NULL, NULL) < 0)
		return text_copy("");
	return text;
}
