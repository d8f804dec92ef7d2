/* Choosing the rules of a conversion and their files (convert.h). */
#include "qrexec/policy/tools/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/compiled.h"
#include "qrexec/policy/line.h"

#define HEADING "# From the policy of the form 4.0, by qrexec-legacy-convert.\n"
#define SERVICES_MAX 4

/* Files for services that most people have rules for. */
static const struct known_file {
	const char *name;
	bool instead; /* of what it has about these services */
	const char *services[SERVICES_MAX];
} known_files[] = {
	{"50-config-clipboard.policy", false, {"qubes.ClipboardPaste"}},
	{"50-config-filecopy.policy", false, {"qubes.Filecopy"}},
	{"50-config-updates.policy", false, {"qubes.UpdatesProxy"}},
	{"50-config-openinvm.policy", false, {"qubes.OpenInVM"}},
	{"50-config-openurl.policy", false, {"qubes.OpenURL"}},
	{"50-config-input.policy", true,
		{"qubes.InputMouse", "qubes.InputKeyboard", "qubes.InputTablet"}},
	{"50-config-u2f.policy", false,
		{"u2f.Authenticate", "u2f.Register", "policy.RegisterArgument"}},
	{CONVERT_USER_FILE, false, {NULL}},
};

#define KNOWN_COUNT (sizeof(known_files) / sizeof(known_files[0]))
#define USER_FILE (KNOWN_COUNT - 1)

_Static_assert(KNOWN_COUNT <= CONVERT_FILES_MAX, "a conversion has room for all");

void
conversion_finish(struct conversion *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->files[i].before);
		free(c->files[i].after);
	}
	free(c->rules);
	*c = (struct conversion){0};
}

/* The rule as one line; the caller frees it. */
static char *
rule_text(const struct policy *p, uint32_t rule)
{
	AUTO_BUF struct buf text;

	buf_init(&text, POLICY_FILE_MAX_BYTES);
	policy_rule_format(p, rule, &text);
	return buf_steal_string(&text);
}

static bool
is_anyvm(const struct policy *p, uint32_t token)
{
	return policy_token_kind(p, token) == POLICY_TOKEN_ANYVM;
}

/* Everything that comes after it decides nothing. */
static bool
denies_all(const struct policy *p, const struct policy_rule *rule)
{
	return rule->argument == POLICY_NONE && rule->action == POLICY_ACTION_DENY &&
	       is_anyvm(p, rule->source) && is_anyvm(p, rule->target);
}

/* What a program that edits these files by fields can show. */
static bool
is_simple(const struct policy_rule *rule)
{
	return rule->argument == POLICY_NONE && rule->user == POLICY_NONE;
}

static bool
has_rule(const struct policy *p, const char *text)
{
	for (uint32_t i = 0; i < p->rule_count; i++) {
		AUTO_FREE char *other = rule_text(p, i);

		if (text_equal(text, other))
			return true;
	}
	return false;
}

static bool
names_service(const struct known_file *file, const char *service)
{
	for (size_t i = 0; i < SERVICES_MAX && file->services[i] != NULL; i++)
		if (text_equal(file->services[i], service))
			return true;
	return false;
}

/* The rules of one service: first to before end. */
struct run_of_rules {
	uint32_t first, end;
	bool simple, known; /* all of them: already there */
};

static struct run_of_rules
look_at_service(
	const struct policy *legacy, uint32_t first, const struct policy *modern, bool keep_denials)
{
	struct run_of_rules run = {.first = first, .simple = true, .known = true};
	const uint32_t service = legacy->rules[first].service;
	uint32_t i = first;

	for (; i < legacy->rule_count && legacy->rules[i].service == service; i++) {
		AUTO_FREE char *text = rule_text(legacy, i);

		if (!keep_denials && denies_all(legacy, &legacy->rules[i]))
			break;
		run.simple = run.simple && is_simple(&legacy->rules[i]);
		run.known = run.known && has_rule(modern, text);
	}
	run.end = i;
	return run;
}

static size_t
file_of(const struct run_of_rules *run, const char *service)
{
	for (size_t i = 0; i < USER_FILE && run->simple; i++)
		if (names_service(&known_files[i], service))
			return i;
	return USER_FILE;
}

/* Service, argument, source, target, then the action with its parameters. */
static int
put_rule(struct buf *out, const struct policy *p, uint32_t rule)
{
	AUTO_FREE char *text = rule_text(p, rule);
	char *at = text;

	for (int column = 0; column < 4; column++) {
		at += strcspn(at, " ");
		if (*at != '\0')
			*at++ = '\t';
	}
	return buf_printf(out, "%s\n", text);
}

/* Whether a rule that was put is of the service. */
static bool
has_rule_of(const struct buf *rules, const char *service)
{
	AUTO_FREE char *text =
		text_format("\n%.*s", (int)buf_len(rules), (const char *)buf_data(rules));
	AUTO_FREE char *beginning = text_format("\n%s\t", service);

	return strstr(text, beginning) != NULL;
}

/* Lines of other services than those whose rules are replaced. */
static int
put_other_lines(struct buf *out, char *text, const struct buf *rules)
{
	size_t position = 0, length, size = strlen(text);
	int result = 0;
	char *line;

	while (result == 0 && policy_line_next(text, size, &position, &line, &length)) {
		AUTO_FREE char *service = text_format("%.*s", (int)strcspn(line, " \t\r\n"), line);

		if (!has_rule_of(rules, service))
			result = buf_printf(out, "%.*s\n", (int)length, line);
	}
	return result;
}

/* In front of what the file has. */
static int
add_file(const struct policy_loader *inner, const struct known_file *known, const struct buf *rules,
	struct conversion *c, struct err *err)
{
	struct convert_file *file = &c->files[c->count];
	struct policy_text present = {0};
	AUTO_ERR struct err missing = ERR_INIT;
	AUTO_BUF struct buf text;
	int result;

	buf_init(&text, POLICY_FILE_MAX_BYTES);
	result = buf_printf(
		&text, HEADING "%.*s", (int)buf_len(rules), (const char *)buf_data(rules));
	if (inner->read(inner->data, POLICY_SYSTEM, known->name, false, &present, &missing) == 0) {
		present.bytes[present.size] = '\0';
		file->before = text_copy(present.bytes);
		if (result == 0)
			result = buf_put_u8(&text, '\n');
		if (result == 0 && known->instead)
			result = put_other_lines(&text, present.bytes, rules);
		else if (result == 0)
			result = buf_put(&text, present.bytes, present.size);
		policy_text_finish(&present);
	} else if (missing.code != ENOENT) {
		return err_move(err, &missing);
	}
	file->name = known->name;
	file->after = result == 0 ? buf_steal_string(&text) : NULL;
	c->count++;
	return file->after != NULL ? 0 : err_set(err, E2BIG, "'%s': becomes too long", known->name);
}

int
convert_plan(const struct policy_loader *inner, const struct policy *legacy,
	const struct policy *modern, bool keep_denials, struct conversion *ret, struct err *err)
{
	AUTO_CONVERSION struct conversion c = {0};
	struct buf rules[KNOWN_COUNT], all;
	struct run_of_rules run;
	int result = 0;

	buf_init(&all, POLICY_MAX_BYTES);
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		buf_init(&rules[i], POLICY_FILE_MAX_BYTES);
	for (uint32_t i = 0; i < legacy->rule_count; i = run.end) {
		const uint32_t service = legacy->rules[i].service;
		size_t to;

		run = look_at_service(legacy, i, modern, keep_denials);
		to = file_of(&run, intern_text(&legacy->services, service));
		for (; !run.known && result == 0 && i < run.end; i++)
			if ((result = put_rule(&rules[to], legacy, i)) == 0)
				result = put_rule(&all, legacy, i);
		/* Those that were cut off. */
		while (run.end < legacy->rule_count && legacy->rules[run.end].service == service)
			run.end++;
	}
	if (result < 0)
		err_set(err, E2BIG, "the rules are too long for a file");
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		if (result == 0 && buf_len(&rules[i]) > 0)
			result = add_file(inner, &known_files[i], &rules[i], &c, err);
		buf_finish(&rules[i]);
	}
	c.rules = buf_steal_string(&all);
	if (result < 0)
		return -1;
	*ret = c;
	c = (struct conversion){0};
	return 0;
}
