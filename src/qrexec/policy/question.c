/* Questions of the policy socket (spec qrexec.md 6.1); see answer.h. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/answer.h"

size_t
policy_question_length(const char *text, size_t size)
{
	const char *end;

	if (size > 0 && text[0] == '\n')
		return 1;
	end = memmem(text, size, "\n\n", 2);
	return end != NULL ? (size_t)(end - text) + 2 : 0;
}

/* The values of the lines, borrowed, NULL until seen. */
struct question_lines {
	const char *source, *intended_target, *service_and_arg, *requested_source;
	const char *assume_yes_for_ask, *just_evaluate;
};

static int
read_line(char *line, struct question_lines *lines, struct err *err)
{
	const struct {
		const char *key;
		const char **place;
	} known[] = {
		{"source", &lines->source},
		{"intended_target", &lines->intended_target},
		{"service_and_arg", &lines->service_and_arg},
		{"requested_source", &lines->requested_source},
		{"assume_yes_for_ask", &lines->assume_yes_for_ask},
		{"just_evaluate", &lines->just_evaluate},
	};
	char *equals = strchr(line, '=');

	if (equals == NULL)
		return err_set(err, EBADMSG, "question: a line without '='");
	*equals = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!text_equal(line, known[i].key))
			continue;
		if (*known[i].place != NULL)
			return err_set(err, EBADMSG, "question: '%s' is there twice", line);
		*known[i].place = equals + 1;
		return 0;
	}
	return err_set(err, EBADMSG, "question: unknown key '%s'", line);
}

static int
read_yes_no(const char *text, bool *ret, struct err *err)
{
	*ret = text != NULL && text_equal(text, "yes");
	if (text != NULL && !*ret && !text_equal(text, "no"))
		return err_set(err, EBADMSG, "question: '%s' is neither yes nor no", text);
	return 0;
}

/* Text is ASCII, and of that nothing but lines that could be shown. */
static int
check_bytes(const char *text, size_t size, struct err *err)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\n' && (text[i] < 0x20 || text[i] > 0x7e))
			return err_set(err, EBADMSG, "question: byte %zu is not text", i);
	}
	return 0;
}

int
policy_question_parse(
	char *untrusted_text, size_t size, struct policy_question *ret, struct err *err)
{
	struct question_lines lines = {0};
	struct policy_question question = {0};
	char *line = untrusted_text, *end = untrusted_text + size;

	if (check_bytes(untrusted_text, size, err) < 0)
		return -1;
	while (line < end && *line != '\n') {
		char *line_end = memchr(line, '\n', (size_t)(end - line));

		/* Without it, the value of the last line would have no end. */
		if (line_end == NULL)
			return err_set(err, EBADMSG, "question: the last line has no end");
		if (line_end - line >= POLICY_QUESTION_LINE_MAX)
			return err_set(err, EBADMSG, "question: a line is too long");
		*line_end = '\0';
		if (read_line(line, &lines, err) < 0)
			return -1;
		line = line_end + 1;
	}
	if (line < end && line + 1 != end)
		return err_set(err, EBADMSG, "question: something follows its end");
	if (lines.source == NULL || lines.intended_target == NULL || lines.service_and_arg == NULL)
		return err_set(err, EBADMSG,
			"question: source, intended_target or service_and_arg is missing");
	if (read_yes_no(lines.assume_yes_for_ask, &question.assume_yes_for_ask, err) < 0 ||
		read_yes_no(lines.just_evaluate, &question.just_evaluate, err) < 0)
		return -1;
	question.request = (struct policy_request){
		.source = lines.source,
		.requested_source = lines.requested_source,
		.target = lines.intended_target,
		.service = lines.service_and_arg,
	};
	*ret = question;
	return 0;
}
