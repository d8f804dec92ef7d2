/* Writing decisions down; see decision_log.h. Texts of the request are escaped and cut. */
#include "qrexec/policy/decision_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/policy/rate_limit.h"

#define LINE_MAX_BYTES 4096
#define FIELD_MAX_BYTES 512

struct decision_log {
	char *path;
	int fd;
	uint64_t size_bytes, max_bytes;
	bool failing;
	struct rate_limit lines; /* by calling qube; names that are no qube's share "" */
};

static int
open_file(const char *path, uint64_t *ret_size_bytes, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;

	if (fd < 0)
		return err_set_errno(err, errno, "log '%s': cannot open", path);
	*ret_size_bytes = end > 0 ? (uint64_t)end : 0;
	return fd;
}

struct decision_log *
decision_log_open(const char *path, struct err *err)
{
	struct decision_log *log;
	uint64_t size_bytes = 0;
	int fd = open_file(path, &size_bytes, err);

	if (fd < 0)
		return NULL;
	log = xcalloc(1, sizeof(*log));
	log->fd = fd;
	log->size_bytes = size_bytes;
	log->max_bytes = DECISION_LOG_MAX_BYTES;
	log->path = text_copy(path);
	rate_limit_init(&log->lines, DECISION_LOG_BURST, 1000 / DECISION_LOG_PER_SECOND);
	return log;
}

void
decision_log_close(struct decision_log *log)
{
	if (log == NULL)
		return;
	close(log->fd);
	rate_limit_finish(&log->lines);
	free(log->path);
	free(log);
}

int
decision_log_reopen(struct decision_log *log, struct err *err)
{
	uint64_t size_bytes = 0;
	int fd = open_file(log->path, &size_bytes, err);

	if (fd < 0)
		return -1;
	close(log->fd);
	log->fd = fd;
	log->size_bytes = size_bytes;
	log->failing = false;
	return 0;
}

void
decision_log_set_limit(struct decision_log *log, uint64_t max_bytes)
{
	log->max_bytes = max_bytes;
}

/* Where the file can not be moved it is emptied: it must not fill the disk. */
static void
make_room(struct decision_log *log, size_t line_bytes)
{
	AUTO_FREE char *old = NULL;
	AUTO_ERR struct err err = ERR_INIT;

	if (log->size_bytes + line_bytes <= log->max_bytes || log->size_bytes == 0)
		return;
	old = text_format("%s" DECISION_LOG_OLD, log->path);
	if (rename(log->path, old) == 0 && decision_log_reopen(log, &err) == 0)
		return;
	log_error("log '%s': cannot begin a new one, the old one is lost", log->path);
	if (ftruncate(log->fd, 0) == 0)
		log->size_bytes = 0;
}

/* " KEY=VALUE", of printable characters without blanks. */
static void
put_bytes(struct buf *line, const char *key, const char *untrusted_value, size_t size)
{
	size_t shown = size < FIELD_MAX_BYTES ? size : FIELD_MAX_BYTES;

	buf_printf(line, " %s=", key);
	for (size_t i = 0; i < shown; i++) {
		uint8_t c = (uint8_t)untrusted_value[i];

		if (c > 0x20 && c < 0x7f && c != '\\')
			buf_put_u8(line, c);
		else
			buf_printf(line, "\\x%02x", c);
	}
	if (shown < size)
		buf_put_string(line, "...");
	else if (size == 0)
		buf_put_string(line, "-");
}

static void
put_field(struct buf *line, const char *key, const char *untrusted_value)
{
	put_bytes(line, key, untrusted_value, strlen(untrusted_value));
}

static void
put_time(struct buf *line)
{
	struct timespec now;
	struct tm parts;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	buf_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", parts.tm_year + 1900,
		parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
		now.tv_nsec / 1000000);
}

static void
put_rule(struct buf *line, const struct policy_view *v, const struct policy_decision *d)
{
	struct policy_rule_place place;

	if (v == NULL || d->rule == POLICY_NONE) {
		put_field(line, "rule", "");
		return;
	}
	place = policy_rule_place(policy_view_policy(v), d->rule);
	put_field(line, "rule", place.file);
	buf_printf(line, ":%u", place.line);
}

static void
put_decision(struct buf *line, const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d)
{
	const char *plus = strchr(request->service, '+');
	size_t length = plus != NULL ? (size_t)(plus - request->service) : strlen(request->service);
	char text[POLICY_TARGET_TEXT_MAX];

	put_field(line, "source", request->source);
	if (request->requested_source != NULL && request->requested_source[0] != '\0')
		put_field(line, "for", request->requested_source);
	put_field(line, "asked", request->target);
	put_field(line, "given", v != NULL ? policy_target_text(v, d->target, text) : "");
	put_bytes(line, "service", request->service, length);
	put_field(line, "argument", plus != NULL ? plus : "+");
	put_rule(line, v, d);
	put_field(line, "answer", d->result == POLICY_ALLOW ? "allow" : "deny");
	put_field(line, "reason", policy_reason_name(d->reason));
}

void
decision_log_write(struct decision_log *log, const struct policy_view *v,
	const struct policy_request *request, const struct policy_decision *d, uint64_t now_ms)
{
	const char *caller = d->caller != POLICY_NONE ? request->source : "";
	uint64_t left_out;
	AUTO_BUF struct buf line;
	int result;

	if (!rate_limit_take_counted(&log->lines, caller, now_ms, &left_out))
		return;
	/* What does not fit is dropped; the end of the line always fits. */
	buf_init(&line, LINE_MAX_BYTES);
	put_time(&line);
	put_decision(&line, v, request, d);
	if (left_out > 0)
		buf_printf(&line, " left_out=%llu", (unsigned long long)left_out);
	if (buf_room(&line) == 0)
		buf_trim(&line, 1);
	buf_put_u8(&line, '\n');
	make_room(log, buf_len(&line));
	log->size_bytes += buf_len(&line);
	result = write_all(log->fd, buf_data(&line), buf_len(&line));
	if (result < 0 && !log->failing)
		log_error("log '%s': cannot write: %s", log->path, strerror(-result));
	log->failing = result < 0;
}
