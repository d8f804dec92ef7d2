/* qubesd-query: one call of the Admin API as it is, for scripts and for looking at the bytes. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"

#define QUERY_PAYLOAD_MAX 65536
#define QUERY_LINE_MAX 1024
#define READ_CHUNK 65536

struct query {
	const struct options *options;
	const char *socket;
	uint64_t max_bytes;
	bool empty, fail, single_line, null;
};

/* All of stdin, as far as the limit allows. */
static int
read_payload(struct buf *payload)
{
	for (;;) {
		ssize_t count = buf_read_fd(payload, STDIN_FILENO, READ_CHUNK);

		if (count == 0)
			return 0;
		if (count == -ENOBUFS)
			return -EMSGSIZE;
		if (count < 0 && count != -EINTR)
			return (int)count;
	}
}

/* --single-line: one line of printable ASCII, without its end. */
static int
check_line(struct buf *payload)
{
	size_t size = buf_len(payload);
	const uint8_t *bytes = buf_data(payload);

	if (size > 0 && bytes[size - 1] == '\n')
		buf_trim(payload, 1);
	size = buf_len(payload);
	if (size > QUERY_LINE_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < size; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return -EILSEQ;
	return 0;
}

/* Sends the answer to stdout as it comes; returns the status digit, or '1' when there is none. */
static int
copy_answer(const struct query *q, int fd, struct err *err)
{
	AUTO_FREE uint8_t *chunk = xcalloc(READ_CHUNK, 1);
	int digit = '1';
	uint64_t total = 0;

	for (;;) {
		ssize_t count = read(fd, chunk, READ_CHUNK);
		int e;

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_set_errno(err, errno, "cannot read the answer");
		if (count == 0)
			break;
		if (total == 0)
			digit = chunk[0];
		const uint64_t room = q->max_bytes - total;
		const size_t size = (uint64_t)count < room ? (size_t)count : (size_t)room;

		total += size;
		e = write_all(STDOUT_FILENO, chunk, size);
		if (e < 0)
			return err_set_errno(err, -e, "cannot write the answer");
		if (size < (size_t)count)
			return err_set(err, EMSGSIZE, "answer: longer than --max-bytes allows");
	}
	if (q->null)
		write_all(STDOUT_FILENO, "", 1);
	return digit;
}

static int
query(const struct query *q, const char *const *words, size_t count)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf payload;
	const char *argument = count > 3 ? words[3] : "";
	AUTO_FREE char *path = root_path("%s", q->socket);
	AUTO_FREE char *header =
		text_format("%s+%s %s name %s", words[1], argument, words[0], words[2]);
	AUTO_FD int fd = -1;
	int e, digit;

	buf_init(&payload, QUERY_PAYLOAD_MAX);
	e = q->empty ? 0 : read_payload(&payload);
	if (e == 0 && q->single_line)
		e = check_line(&payload);
	if (e < 0)
		return tool_error(q->options, "payload: %s",
			e == -EMSGSIZE
				? "too long"
				: (e == -EILSEQ ? "not a line of printable ASCII" : strerror(-e)));
	fd = socket_connect(path, &err);
	if (fd < 0)
		return tool_error(q->options, "%s", err_message(&err));
	e = write_all(fd, header, strlen(header) + 1);
	if (e == 0)
		e = write_all(fd, buf_data(&payload), buf_len(&payload));
	/* A daemon that refuses early has its answer shown all the same. */
	if (e < 0 && e != -EPIPE && e != -ECONNRESET)
		return tool_error(q->options, "cannot send the request: %s", strerror(-e));
	shutdown(fd, SHUT_WR);
	digit = copy_answer(q, fd, &err);
	if (digit < 0)
		return tool_error(q->options, "%s", err_message(&err));
	if (!q->fail)
		return TOOL_OK;
	return digit >= '0' && digit <= '9' ? digit - '0' : TOOL_FAILURE;
}

int
command_query(int argc, char **argv)
{
	struct query q = {.socket = ADMIN_SOCKET, .max_bytes = UINT64_MAX};
	const char *max_bytes = NULL;
	const struct option rows[] = {
		{"SRC", .help = "the qube that asks"},
		{"METHOD", .help = "the method to call"},
		{"DEST", .help = "the qube it is about"},
		{"ARG", .help = "the method's argument"},
		{"-c --connect", .text = &q.socket, .value = "SOCKET",
			.help = "path of the daemon's socket"},
		{"-e --empty", .flag = &q.empty,
			.help = "send no payload; else stdin is the payload"},
		{"--fail", .flag = &q.fail, .help = "exit with the status digit of the answer"},
		{"--max-bytes", .text = &max_bytes, .value = "N",
			.help = "accept no longer answer"},
		{"--single-line", .flag = &q.single_line,
			.help = "the payload is one line of printable ASCII, sent without its end"},
		{"--null", .flag = &q.null, .help = "write a NUL byte after the answer"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qubesd-query",
		.summary = "Makes one call of the Admin API and writes the raw answer.",
		.usage = "SRC METHOD DEST [ARG]",
		.rows = rows,
	};
	int status;

	q.options = &o;
	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count < 3 || o.argument_count > 4)
		return tool_usage_error(&o, "the arguments are SRC METHOD DEST and perhaps ARG");
	for (size_t i = 0; i < o.argument_count; i++)
		if (!admin_word_valid(o.arguments[i]))
			return tool_usage_error(
				&o, "'%s': contains illegal characters", o.arguments[i]);
	if (max_bytes != NULL && text_parse_u64(max_bytes, UINT64_MAX, &q.max_bytes) < 0)
		return tool_usage_error(&o, "--max-bytes: not a number: '%s'", max_bytes);
	return query(&q, o.arguments, o.argument_count);
}
