/* Parsing a line of policy; see line.h. */
#include "qrexec/policy/line.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/characters.h"

/* Five columns and each of five parameters once; one more shows that there are too many. */
#define MAX_WORDS 11

struct words {
	char *word[MAX_WORDS];
	size_t count;
};

bool
policy_line_next(char *text, size_t size, size_t *position, char **ret_line, size_t *ret_length)
{
	char *line = text + *position, *end;
	size_t left, length;

	if (*position >= size)
		return false;
	left = size - *position;
	end = memchr(line, '\n', left);
	length = end != NULL ? (size_t)(end - line) : left;
	*position += length + (end != NULL);
	if (end != NULL && length > 0 && line[length - 1] == '\r')
		length--;
	*ret_line = line;
	*ret_length = length;
	return true;
}

static void
split_words(char *text, struct words *ret)
{
	ret->count = 0;
	for (;;) {
		text += strspn(text, " \t");
		if (*text == '\0' || ret->count == MAX_WORDS)
			return;
		ret->word[ret->count++] = text;
		text += strcspn(text, " \t");
		if (*text != '\0')
			*text++ = '\0';
	}
}

/* The older spelling of service files, replaced as text (spec 5.10). */
static void
modernise(char *text)
{
	for (char *c = text; *c != '\0'; c++) {
		if (text_starts_with(c, "$include:")) {
			memcpy(c, "!include ", 9);
			c += 8;
		} else if (*c == '$') {
			*c = '@';
		} else if (*c == ',') {
			*c = ' ';
		}
	}
}

int
policy_line_check_service(const char *service, const char *argument, struct err *err)
{
	bool any_service, any_argument;

	assert(service != NULL && argument != NULL);
	any_service = text_equal(service, "*");
	any_argument = text_equal(argument, "*");
	if (!any_service && (service[0] == '\0' || !text_only_has(service, "-._")))
		return err_set(err, EINVAL, "service '%s': not the name of a service", service);
	if (!any_argument && argument[0] != '+')
		return err_set(
			err, EINVAL, "argument '%s': neither '*' nor beginning with '+'", argument);
	if (!any_argument && !text_only_has(argument, "+-._"))
		return err_set(err, EINVAL, "argument '%s': has a forbidden character", argument);
	if (any_service && !any_argument)
		return err_set(err, EINVAL, "argument '%s': service '*' takes only '*'", argument);
	return 0;
}

static int
parse_action(const char *word, enum policy_action *ret, struct err *err)
{
	if (text_equal(word, "allow"))
		*ret = POLICY_ACTION_ALLOW;
	else if (text_equal(word, "ask"))
		*ret = POLICY_ACTION_ASK;
	else if (text_equal(word, "deny"))
		*ret = POLICY_ACTION_DENY;
	else
		return err_set(err, EINVAL, "action '%s': none of allow, ask, deny", word);
	return 0;
}

static int
parse_yes_no(const char *key, const char *value, bool *ret, struct err *err)
{
	if (!text_equal(value, "yes") && !text_equal(value, "no"))
		return err_set(err, EINVAL, "parameter '%s=%s': neither yes nor no", key, value);
	*ret = text_equal(value, "yes");
	return 0;
}

/* The user ends up in a command string "USER:...": nothing may be read as something else. */
static int
check_user(const char *user, struct err *err)
{
	if (user[0] == '-' || strchr(user, ':') != NULL)
		return err_set(err, EINVAL, "user '%s': not the name of a user", user);
	return 0;
}

enum parameter {
	PARAMETER_TARGET,
	PARAMETER_DEFAULT_TARGET,
	PARAMETER_USER,
	PARAMETER_NOTIFY,
	PARAMETER_AUTOSTART,
};

#define FOR_ALLOW (1u << POLICY_ACTION_ALLOW)
#define FOR_ASK (1u << POLICY_ACTION_ASK)
#define FOR_DENY (1u << POLICY_ACTION_DENY)

static const struct {
	const char *key;
	unsigned actions;
} parameters[] = {
	[PARAMETER_TARGET] = {"target", FOR_ALLOW | FOR_ASK},
	[PARAMETER_DEFAULT_TARGET] = {"default_target", FOR_ASK},
	[PARAMETER_USER] = {"user", FOR_ALLOW | FOR_ASK},
	[PARAMETER_NOTIFY] = {"notify", FOR_ALLOW | FOR_ASK | FOR_DENY},
	[PARAMETER_AUTOSTART] = {"autostart", FOR_ALLOW | FOR_ASK},
};
#define PARAMETER_COUNT (sizeof(parameters) / sizeof(parameters[0]))

static int
store_parameter(struct policy_line *line, enum parameter parameter, char *value, struct err *err)
{
	switch (parameter) {
	case PARAMETER_TARGET:
		line->has_redirect = true;
		return policy_token_parse(value, POLICY_PLACE_REDIRECT, &line->redirect, err);
	case PARAMETER_DEFAULT_TARGET:
		line->has_default_target = true;
		return policy_token_parse(value, POLICY_PLACE_REDIRECT, &line->default_target, err);
	case PARAMETER_USER:
		line->user = value;
		return check_user(value, err);
	case PARAMETER_NOTIFY:
		return parse_yes_no("notify", value, &line->notify, err);
	case PARAMETER_AUTOSTART:
		return parse_yes_no("autostart", value, &line->autostart, err);
	}
	return -1;
}

/* `seen` holds a bit for each parameter that was given. */
static int
parse_parameter(struct policy_line *line, char *word, unsigned *seen, struct err *err)
{
	char *equals = strchr(word, '=');

	if (equals == NULL)
		return err_set(err, EINVAL, "parameter '%s': has no '='", word);
	*equals = '\0';
	for (unsigned i = 0; i < PARAMETER_COUNT; i++) {
		if (!text_equal(word, parameters[i].key))
			continue;
		if ((parameters[i].actions & 1u << line->action) == 0)
			return err_set(err, EINVAL, "parameter '%s': not for this action", word);
		if ((*seen & 1u << i) != 0)
			return err_set(err, EINVAL, "parameter '%s': given twice", word);
		*seen |= 1u << i;
		return store_parameter(line, (enum parameter)i, equals + 1, err);
	}
	return err_set(err, EINVAL, "parameter '%s': no such parameter", word);
}

/* From the source column on; `first` is its place among the words. */
static int
parse_rule(struct policy_line *line, struct words *words, size_t first, struct err *err)
{
	unsigned seen = 0;

	line->kind = POLICY_LINE_RULE;
	if (policy_token_parse(words->word[first], POLICY_PLACE_SOURCE, &line->source, err) < 0 ||
		policy_token_parse(
			words->word[first + 1], POLICY_PLACE_TARGET, &line->target, err) < 0 ||
		parse_action(words->word[first + 2], &line->action, err) < 0)
		return -1;
	line->notify = line->action == POLICY_ACTION_DENY;
	line->autostart = true;
	for (size_t i = first + 3; i < words->count; i++) {
		if (parse_parameter(line, words->word[i], &seen, err) < 0)
			return -1;
	}
	if (line->action == POLICY_ACTION_ALLOW && line->target.kind == POLICY_TOKEN_DEFAULT &&
		!line->has_redirect)
		return err_set(err, EINVAL, "target '@default': allow needs target= with it");
	return 0;
}

static const struct {
	const char *name;
	enum policy_line_kind kind;
	size_t word_count;
} directives[] = {
	{"!include", POLICY_LINE_INCLUDE, 2},
	{"!include-dir", POLICY_LINE_INCLUDE_DIR, 2},
	{"!include-service", POLICY_LINE_INCLUDE_SERVICE, 4},
	{"!compat-4.0", POLICY_LINE_COMPAT, 1},
};

static int
parse_directive(struct policy_line *line, const struct words *words, enum policy_line_form form,
	struct err *err)
{
	const char *name = words->word[0];

	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
		if (!text_equal(name, directives[i].name))
			continue;
		if (form == POLICY_LINE_SERVICE && directives[i].kind != POLICY_LINE_INCLUDE)
			return err_set(err, EINVAL, "directive '%s': not in a service file", name);
		if (words->count != directives[i].word_count)
			return err_set(err, EINVAL, "directive '%s': takes %zu words after it",
				name, directives[i].word_count - 1);
		line->kind = directives[i].kind;
		line->path = words->word[words->count - 1];
		if (line->kind != POLICY_LINE_INCLUDE_SERVICE)
			return 0;
		line->service = words->word[1];
		line->argument = words->word[2];
		return policy_line_check_service(line->service, line->argument, err);
	}
	return err_set(err, EINVAL, "directive '%s': no such directive", name);
}

int
policy_line_parse(char *untrusted_text, size_t length, enum policy_line_form form,
	struct policy_line *ret, struct err *err)
{
	struct policy_line line = {.kind = POLICY_LINE_EMPTY};
	size_t columns = form == POLICY_LINE_POLICY ? 5 : 3;
	struct words words = {0};
	char *text = untrusted_text;
	int result;

	if (policy_characters_check(text, length, err) < 0)
		return -1;
	/* No NUL is left inside: the check above refuses it. */
	text[length] = '\0';
	text += strspn(text, " \t");
	if (*text == '\0' || *text == '#') {
		*ret = line;
		return 0;
	}
	if (form == POLICY_LINE_SERVICE)
		modernise(text);
	split_words(text, &words);
	if (words.count > 0 && words.word[0][0] == '!') {
		result = parse_directive(&line, &words, form, err);
	} else if (words.count < columns) {
		result = err_set(
			err, EINVAL, "rule: has %zu words, needs %zu", words.count, columns);
	} else if (form == POLICY_LINE_SERVICE) {
		result = parse_rule(&line, &words, 0, err);
	} else {
		line.service = words.word[0];
		line.argument = words.word[1];
		result = policy_line_check_service(line.service, line.argument, err);
		if (result == 0)
			result = parse_rule(&line, &words, 2, err);
	}
	if (result == 0)
		*ret = line;
	return result;
}
