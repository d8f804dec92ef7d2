/* Lint; see lint.h. */
#include "qrexec/policy/lint.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/intern.h"

#define SERVICE_NAME_MAX 255 /* longer ones can not be executed */

struct lint {
	enum policy_line_form form;
	lint_callback callback;
	void *data;
	unsigned line_number;
	const char *line;
	size_t length;
	struct intern columns; /* what rules so far match, as text */
	unsigned *first_line;  /* by number in columns */
	size_t first_line_count;
};

static void
warn(const struct lint *l, const char *text)
{
	l->callback(l->line_number, LINT_WARNING, text, l->line, l->length, l->data);
}

static bool
names_overlong_qube(const struct policy_token *token)
{
	return (token->kind == POLICY_TOKEN_NAME || token->kind == POLICY_TOKEN_DISPVM_NAME) &&
	       !text_starts_with(token->value, "uuid:") && strlen(token->value) > QUBE_NAME_MAX;
}

static bool
is_dispvm(enum policy_token_kind kind)
{
	return kind == POLICY_TOKEN_DISPVM || kind == POLICY_TOKEN_DISPVM_NAME ||
	       kind == POLICY_TOKEN_DISPVM_TAG;
}

static void
check_tokens(const struct lint *l, const struct policy_line *rule)
{
	if (is_dispvm(rule->source.kind))
		warn(l, "never matches: a disposable that runs has a name; "
			"use @type:DispVM or a tag as the source");
	if (names_overlong_qube(&rule->source) || names_overlong_qube(&rule->target) ||
		(rule->has_redirect && names_overlong_qube(&rule->redirect)))
		warn(l, "no qube can have so long a name");
	if (rule->has_redirect && rule->has_default_target)
		warn(l, "default_target= means little beside target=");
}

static void
check_width(const struct lint *l, const struct policy_line *rule)
{
	bool any_service = rule->service != NULL && text_equal(rule->service, "*");

	if (rule->action != POLICY_ACTION_ALLOW || rule->has_redirect)
		return;
	if (any_service &&
		(rule->source.kind == POLICY_TOKEN_ANY || rule->source.kind == POLICY_TOKEN_ANYVM))
		warn(l, "allows every service to every qube");
	else if (rule->target.kind == POLICY_TOKEN_ANY)
		warn(l, "the target * includes dom0; @anyvm does not");
}

static void
remember_line(struct lint *l, uint32_t number)
{
	unsigned *larger;

	if (number < l->first_line_count)
		return;
	larger = xcalloc(l->first_line_count + 1, sizeof(*larger));
	if (l->first_line_count > 0)
		memcpy(larger, l->first_line, l->first_line_count * sizeof(*larger));
	free(l->first_line);
	l->first_line = larger;
	larger[l->first_line_count++] = l->line_number;
}

static void
check_reached(struct lint *l, const struct policy_line *rule)
{
	AUTO_FREE char *columns =
		text_format("%s %s %d%s %d%s", rule->service != NULL ? rule->service : "",
			rule->argument ? rule->argument : "", (int)rule->source.kind,
			rule->source.value, (int)rule->target.kind, rule->target.value);
	uint32_t number = intern_add(&l->columns, columns);
	AUTO_FREE char *text = NULL;

	if (number >= l->first_line_count) {
		remember_line(l, number);
		return;
	}
	text = text_format("never reached: line %u matches the same calls", l->first_line[number]);
	warn(l, text);
}

static void
check_rule(struct lint *l, const struct policy_line *rule)
{
	if (rule->service != NULL && strlen(rule->service) > SERVICE_NAME_MAX)
		warn(l, "so long a name of a service can not be executed");
	check_tokens(l, rule);
	check_width(l, rule);
	check_reached(l, rule);
}

static size_t
check_line(struct lint *l)
{
	AUTO_FREE char *copy = xcalloc(1, l->length + 1);
	AUTO_ERR struct err err = ERR_INIT;
	struct policy_line line;

	memcpy(copy, l->line, l->length);
	if (policy_line_parse(copy, l->length, l->form, &line, &err) < 0) {
		l->callback(
			l->line_number, LINT_ERROR, err_message(&err), l->line, l->length, l->data);
		return 1;
	}
	if (line.kind == POLICY_LINE_RULE)
		check_rule(l, &line);
	return 0;
}

size_t
lint_text(const char *untrusted_text, size_t size, enum policy_line_form form,
	lint_callback callback, void *data)
{
	struct lint l = {.form = form, .callback = callback, .data = data};
	AUTO_FREE char *text = xcalloc(1, size + 1);
	size_t position = 0, errors = 0;
	char *line;

	if (size > 0)
		memcpy(text, untrusted_text, size);
	while (policy_line_next(text, size, &position, &line, &l.length)) {
		l.line = line;
		l.line_number++;
		errors += check_line(&l);
	}
	intern_finish(&l.columns);
	free(l.first_line);
	return errors;
}
