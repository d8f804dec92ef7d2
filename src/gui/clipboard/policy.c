/* The question to the policy daemon; see policy.h. */
#include "gui/clipboard/policy.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/socket.h"

#define QUESTION_MAX_BYTES 512
#define ANSWER_MAX_BYTES 256

static const char descriptor[] = "policy.EvalSimple+qubes.ClipboardPaste dom0 keyword adminvm";
static const char yes[] = "result=allow\n";

static int
send_question(int fd, const char *source, const char *target)
{
	AUTO_BUF struct buf b;
	int result;

	buf_init(&b, QUESTION_MAX_BYTES);
	if (buf_put_text(&b, descriptor) < 0 || buf_put_text(&b, source) < 0 ||
		buf_put_string(&b, target) < 0)
		return -ENOMEM;
	result = write_all(fd, buf_data(&b), buf_len(&b));
	if (result == 0 && shutdown(fd, SHUT_WR) < 0)
		result = -errno;
	return result;
}

/* Up to the end, or until the time is over. */
static int
read_answer(int fd, struct buf *answer)
{
	uint64_t deadline_ms = loop_now_ms() + CLIPBOARD_POLICY_TIMEOUT_MS;

	for (;;) {
		uint64_t now = loop_now_ms();
		struct pollfd state = {.fd = fd, .events = POLLIN};
		ssize_t count;

		if (now >= deadline_ms || poll(&state, 1, (int)(deadline_ms - now)) == 0)
			return -ETIMEDOUT;
		count = buf_read_fd(answer, fd, ANSWER_MAX_BYTES);
		if (count == 0)
			return 0;
		if (count < 0 && count != -EAGAIN && count != -EINTR)
			return (int)count;
	}
}

bool
clipboard_policy_allows(const char *socket_path, const char *source, const char *target)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int fd = socket_connect(socket_path, &err);
	AUTO_BUF struct buf answer;
	int result;

	buf_init(&answer, ANSWER_MAX_BYTES);
	if (fd < 0) {
		log_warning("clipboard: policy: %s", err_message(&err));
		return false;
	}
	result = send_question(fd, source, target);
	if (result == 0)
		result = read_answer(fd, &answer);
	if (result < 0) {
		log_warning("clipboard: policy: %s", strerror(-result));
		return false;
	}
	return buf_len(&answer) >= sizeof(yes) - 1 &&
	       memcmp(buf_data(&answer), yes, sizeof(yes) - 1) == 0;
}
