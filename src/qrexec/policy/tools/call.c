/* Calling the policy's services; see call.h. Blocking. */
#include "qrexec/policy/tools/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/tools/input.h"

static void
find_directories(struct policy_directories *ret)
{
	const char *own = getenv("QREXEC_POLICY_DIR");

	policy_directories_default(ret);
	if (own != NULL && own[0] != '\0') {
		free(ret->path[POLICY_SYSTEM]);
		ret->path[POLICY_SYSTEM] = text_copy(own);
	}
}

/* The payload as a file, which a child can read at its own pace. */
static int
payload_file(const struct policy_admin_call *call, struct err *err)
{
	AUTO_FD int fd = memfd_create("payload", MFD_CLOEXEC);
	int result = fd < 0 ? -errno : write_all(fd, call->payload, call->payload_size);

	if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
		result = -errno;
	return result < 0 ? err_set_errno(err, -result, "payload") : steal_fd(&fd);
}

/* What the service says of a refusal: "EXCEPTION TEXT". */
static int
take_refusal(struct buf *answer, int status, struct err *err)
{
	AUTO_FREE char *text = NULL;

	if (buf_len(answer) == 0)
		return err_set(err, EACCES,
			status == 126 ? "the policy refuses the call"
				      : "the call failed, without a reason");
	text = buf_steal_string(answer);
	text[strcspn(text, "\n")] = '\0';
	return err_set(err, EINVAL, "%s", text);
}

static int
call_through_qrexec(const struct policy_admin_call *call, struct buf *answer, struct err *err)
{
	AUTO_FREE char *service = text_format(
		"%s%s%s", call->service, call->argument[0] != '\0' ? "+" : "", call->argument);
	const char *argv[] = {"qrexec-client-vm", "--", "@adminvm", service, NULL};
	AUTO_FD int payload = payload_file(call, err);
	int out[2], status;
	pid_t child;

	if (payload < 0)
		return -1;
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "pipe");
	const struct child_fd fds[] = {{payload, 0}, {out[1], 1}, {STDERR_FILENO, 2}};
	const struct child_config config = {.argv = argv,
		.fds = fds,
		.fd_count = 3,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.keep_session = true};

	child = child_start(&config, err);
	close(out[1]);
	if (child < 0 || input_read_all(out[0], answer, err) < 0) {
		close(out[0]);
		return -1;
	}
	close(out[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return take_refusal(answer, WIFEXITED(status) ? WEXITSTATUS(status) : -1, err);
}

int
policy_call(const struct policy_admin_call *call, struct buf *answer, struct err *err)
{
	struct policy_directories directories;
	int result;

	find_directories(&directories);
	if (access(directories.path[POLICY_SYSTEM], F_OK) == 0)
		result = policy_admin_run(&directories, call, answer, err);
	else
		result = call_through_qrexec(call, answer, err);
	policy_directories_finish(&directories);
	return result;
}
