/*
 * Reader of policy answers. Runs in qrexec-daemon. Every value is checked for the place it will
 * be used in (a socket's name, a command string), so that a confused engine can not be turned into
 * a path or a second word.
 */
#include "qrexec/host/policy_answer.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define NAME_CHARACTERS "_-.:@"
#define NAME_LENGTH_MAX 127
#define USER_LENGTH_MAX 255

static bool
name_valid(const char *value)
{
	return value[0] != '\0' && strlen(value) <= NAME_LENGTH_MAX &&
	       text_only_has(value, NAME_CHARACTERS);
}

/* Keywords that can be connected to; the others never leave the engine. */
static bool
target_valid(const char *value)
{
	if (value[0] != '@')
		return name_valid(value) && strchr(value, '@') == NULL;
	return name_valid(value) && text_starts_with(value, "@dispvm:") &&
	       value[strlen("@dispvm:")] != '\0' && strchr(value + 1, '@') == NULL;
}

static bool
target_uuid_valid(const char *value)
{
	if (text_starts_with(value, "@dispvm:"))
		value += strlen("@dispvm:");
	return text_starts_with(value, "uuid:") && uuid_valid(value + strlen("uuid:"));
}

/* A colon would end the user early in the command string, a leading dash become an option. */
static bool
user_valid(const char *value)
{
	for (const char *p = value; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == ':')
			return false;
	}
	return value[0] != '-' && strlen(value) <= USER_LENGTH_MAX;
}

static bool
service_valid(const char *value)
{
	return value[0] != '\0' && value[0] != '+' && text_only_has(value, "_-.+@:");
}

struct field {
	const char *key;
	size_t offset;
	bool (*valid)(const char *value);
};

#define FIELD(name, valid)                                                                         \
	{                                                                                          \
#name "=", offsetof(struct policy_answer, name), valid                             \
	}

static const struct field text_fields[] = {
	FIELD(user, user_valid),
	FIELD(target, target_valid),
	FIELD(target_uuid, target_uuid_valid),
	FIELD(requested_target, name_valid),
	FIELD(service, service_valid),
	FIELD(policy_source, name_valid),
};

struct reader {
	struct policy_answer answer;
	bool has_result;
	bool has_autostart;
};

static char **
field_value(struct policy_answer *answer, const struct field *field)
{
	return (char **)(void *)((char *)answer + field->offset);
}

static int
read_choice(const char *line, const char *key, const char *yes, const char *no, bool *held,
	bool *ret_value, struct err *err)
{
	const char *value = line + strlen(key);

	if (*held)
		return err_set(err, EBADMSG, "key '%s' is there twice", key);
	if (!text_equal(value, yes) && !text_equal(value, no))
		return err_set(err, EBADMSG, "value in '%s' is not known", line);
	*held = true;
	*ret_value = text_equal(value, yes);
	return 0;
}

static int
read_line(struct reader *r, const char *line, struct err *err)
{
	if (text_starts_with(line, "result="))
		return read_choice(
			line, "result=", "allow", "deny", &r->has_result, &r->answer.allow, err);
	if (text_starts_with(line, "autostart="))
		return read_choice(line, "autostart=", "True", "False", &r->has_autostart,
			&r->answer.autostart, err);

	for (size_t i = 0; i < sizeof(text_fields) / sizeof(text_fields[0]); i++) {
		const struct field *field = &text_fields[i];
		char **value = field_value(&r->answer, field);

		if (!text_starts_with(line, field->key))
			continue;
		if (*value != NULL)
			return err_set(err, EBADMSG, "key '%s' is there twice", field->key);
		if (!field->valid(line + strlen(field->key)))
			return err_set(err, EBADMSG, "value in '%s' is not permitted", line);
		*value = text_copy(line + strlen(field->key));
		return 0;
	}
	if (strchr(line, '=') == NULL)
		return err_set(err, EBADMSG, "line '%s' has no '='", line);
	return 0;
}

static int
check_whole(const struct reader *r, struct err *err)
{
	const struct policy_answer *a = &r->answer;

	if (!r->has_result)
		return err_set(err, EBADMSG, "result is missing");
	if (!a->allow && (a->user || a->target || a->requested_target || r->has_autostart))
		return err_set(err, EBADMSG, "deny says more than deny");
	if (a->allow && (!a->user || !a->target || !a->requested_target || !r->has_autostart))
		return err_set(err, EBADMSG, "allow lacks a key");
	return 0;
}

/* Splits in place: the copy has no NUL but its last. */
static int
read_lines(struct reader *r, char *text, struct err *err)
{
	while (*text != '\0') {
		char *end = strchrnul(text, '\n');
		bool last = *end == '\0';

		*end = '\0';
		if (read_line(r, text, err) < 0)
			return -1;
		text = last ? end : end + 1;
	}
	return check_whole(r, err);
}

int
policy_answer_parse(
	const void *data, size_t size, struct policy_answer *ret_answer, struct err *err)
{
	AUTO_FREE char *text = NULL;
	struct reader r = {0};

	if (size >= POLICY_ANSWER_MAX)
		return err_set(
			err, EMSGSIZE, "answer has more than %d bytes", POLICY_ANSWER_MAX - 1);
	if (memchr(data, '\0', size) != NULL)
		return err_set(err, EBADMSG, "answer has a NUL in it");
	text = xcalloc(1, size + 1);
	memcpy(text, data, size);
	if (read_lines(&r, text, err) < 0) {
		policy_answer_finish(&r.answer);
		return -1;
	}
	*ret_answer = r.answer;
	return 0;
}

void
policy_answer_finish(struct policy_answer *answer)
{
	for (size_t i = 0; i < sizeof(text_fields) / sizeof(text_fields[0]); i++)
		free(*field_value(answer, &text_fields[i]));
	*answer = (struct policy_answer){0};
}
