/* Facts for a tool: from a file, or asked for and waited for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/socket.h"
#include "qrexec/policy/facts_json.h"
#include "qrexec/policy/qubesd_call.h"
#include "qrexec/policy/tool.h"

static const char request[] = "internal.GetSystemInfo dom0 name dom0";

static int
call_qubesd(struct buf *answer, struct err *err)
{
	AUTO_FREE char *path = root_path(QUBESD_INTERNAL_SOCKET);
	AUTO_FD int fd = socket_connect(path, err);
	ssize_t count;
	int result;

	if (fd < 0)
		return -1;
	result = write_all(fd, request, sizeof(request));
	if (result < 0)
		return err_set_errno(err, -result, "the administration daemon");
	shutdown(fd, SHUT_WR);
	while ((count = buf_read_fd(answer, fd, POLICY_FACTS_JSON_MAX_BYTES)) > 0)
		continue;
	if (count < 0)
		return err_set_errno(err, (int)-count, "the administration daemon's answer");
	return 0;
}

static struct policy_facts *
ask_for_facts(struct err *err)
{
	AUTO_BUF struct buf answer;
	const char *text;

	buf_init(&answer, POLICY_FACTS_JSON_MAX_BYTES);
	if (call_qubesd(&answer, err) < 0)
		return NULL;
	text = (const char *)buf_data(&answer);
	if (buf_len(&answer) < 2 || text[0] != '0' || text[1] != '\0') {
		err_set(err, EPROTO, "the administration daemon answers with an error");
		return NULL;
	}
	return policy_facts_from_json(text + 2, buf_len(&answer) - 2, err);
}

struct policy_facts *
tool_read_facts(const char *path, struct err *err)
{
	AUTO_FREE char *text = NULL;
	size_t size;

	if (path == NULL)
		return ask_for_facts(err);
	if (read_file(path, POLICY_FACTS_JSON_MAX_BYTES, &text, &size, err) < 0)
		return NULL;
	return policy_facts_from_json(text, size, err);
}
