/*
 * qubes-policy-editor: fetches a file of policy, has it edited, looks it over and puts it back
 * with the token it was fetched with (spec qrexec.md 6.5).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/editor.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/lint.h"
#include "qrexec/policy/tools/call.h"

#define DEFAULT_FILE "30-user"

struct edit {
	const char *name; /* without "include/" */
	bool include;
	char *path; /* of the copy being edited */
	char *token;
};

static int
call(const struct edit *e, const char *verb, const char *payload, size_t size, struct buf *answer,
	struct err *err)
{
	AUTO_FREE char *service = text_format("policy.%s%s", e->include ? "include." : "", verb);
	const struct policy_admin_call c = {
		.service = service, .argument = e->name, .payload = payload, .payload_size = size};

	return policy_call(&c, answer, err);
}

/* A file that is not there is begun empty. */
static int
fetch(struct edit *e, struct buf *content, struct err *err)
{
	AUTO_ERR struct err reason = ERR_INIT;
	const char *text, *end;

	if (call(e, "Get", "", 0, content, &reason) < 0) {
		if (strstr(err_message(&reason), "not found") == NULL)
			return err_move(err, &reason);
		e->token = text_copy("new");
		buf_clear(content);
		return 0;
	}
	text = (const char *)buf_data(content);
	end = memchr(text, '\n', buf_len(content));
	if (end == NULL)
		return err_set(err, EPROTO, "policy.Get: the answer has no token");
	e->token = text_format("%.*s", (int)(end - text), text);
	return buf_consume(content, (size_t)(end + 1 - text));
}

static void
print_finding(unsigned line_number, enum lint_severity severity, const char *text, const char *line,
	size_t length, void *data)
{
	const struct edit *e = data;

	fprintf(stderr, "%s:%u: %s: %s\n", e->name, line_number,
		severity == LINT_ERROR ? "error" : "warning", text);
}

static int
put_back(const struct edit *e, const char *text, size_t size, struct err *err)
{
	AUTO_BUF struct buf payload, answer;

	buf_init(&payload, POLICY_ADMIN_PAYLOAD_MAX);
	buf_init(&answer, POLICY_CALL_ANSWER_MAX);
	if (buf_printf(&payload, "%s\n", e->token) < 0 || buf_put(&payload, text, size) < 0)
		return err_set(err, EFBIG, "file is too large");
	return call(
		e, "Replace", (const char *)buf_data(&payload), buf_len(&payload), &answer, err);
}

static void
ignore_finding(unsigned line_number, enum lint_severity severity, const char *text,
	const char *line, size_t length, void *data)
{
}

/* What is included may be of either form: the one in which it has fewer errors is meant. */
static enum policy_line_form
form_of(const struct edit *e, const char *text, size_t size)
{
	if (!e->include)
		return POLICY_LINE_POLICY;
	return lint_text(text, size, POLICY_LINE_SERVICE, ignore_finding, NULL) <=
			       lint_text(text, size, POLICY_LINE_POLICY, ignore_finding, NULL)
		       ? POLICY_LINE_SERVICE
		       : POLICY_LINE_POLICY;
}

/* Whether the user wants to mend it. */
static bool
wants_to_edit_again(const struct edit *e)
{
	char answer[16];

	for (;;) {
		fprintf(stderr, "(e)dit again, or (q)uit and leave the text in %s? ", e->path);
		if (fgets(answer, sizeof(answer), stdin) == NULL || answer[0] == 'q')
			return false;
		if (answer[0] == 'e')
			return true;
	}
}

/* 1: done, or nothing to do; 0: it has errors; -1: it can not be done. */
static int
try_once(const struct edit *e, const struct buf *content, struct err *err)
{
	AUTO_FREE char *text = NULL;
	size_t size;

	if (editor_run(e->path, err) < 0 ||
		read_file(e->path, POLICY_FILE_MAX_BYTES, &text, &size, err) < 0)
		return -1;
	if (size == buf_len(content) && memcmp(text, buf_data(content), size) == 0) {
		fprintf(stderr, "qubes-policy-editor: nothing is changed\n");
		return 1;
	}
	if (lint_text(text, size, form_of(e, text, size), print_finding, (void *)(uintptr_t)e) > 0)
		return 0;
	if (put_back(e, text, size, err) == 0)
		return 1;
	fprintf(stderr, "qubes-policy-editor: %s\n", err_message(err));
	err_clear(err);
	return 0;
}

/* 0, 1 when the user gave up, or -1 with the error. */
static int
edit(struct edit *e, struct err *err)
{
	AUTO_BUF struct buf content;
	int result;

	buf_init(&content, POLICY_CALL_ANSWER_MAX);
	if (fetch(e, &content, err) < 0)
		return -1;
	e->path = editor_temporary(e->name, ".policy", buf_data(&content), buf_len(&content), err);
	if (e->path == NULL)
		return -1;
	while ((result = try_once(e, &content, err)) == 0) {
		if (!wants_to_edit_again(e))
			return 1;
	}
	(void)unlink(e->path);
	return result < 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct edit e = {.name = argc == 2 ? argv[1] : DEFAULT_FILE};
	int status;

	if (argc > 2 || e.name[0] == '-') {
		bool help = argc == 2 && (text_equal(e.name, "--help") || text_equal(e.name, "-h"));

		fprintf(help ? stdout : stderr, "usage: qubes-policy-editor [[include/]NAME]\n"
						"Edits a file of policy (" DEFAULT_FILE
						") with $VISUAL, $EDITOR or vi, and "
						"puts it in force.\n");
		return help ? 0 : 2;
	}
	if (text_starts_with(e.name, "include/")) {
		e.include = true;
		e.name += strlen("include/");
	}
	status = edit(&e, &err);
	if (status < 0) {
		fprintf(stderr, "qubes-policy-editor: error: %s\n", err_message(&err));
		status = 1;
	}
	free(e.path);
	free(e.token);
	return status;
}
