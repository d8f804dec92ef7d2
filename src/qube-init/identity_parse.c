/* The text of a clone's identity; see identity.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "qube-init/identity.h"

enum key {
	KEY_COMMAND_LINE,
	KEY_ENTROPY,
	KEY_TIME,
	KEY_BOOT_ID,
	KEY_MAX,
};

static const char *const key_names[KEY_MAX] = {
	[KEY_COMMAND_LINE] = "cmdline",
	[KEY_ENTROPY] = "entropy",
	[KEY_TIME] = "time_ns",
	[KEY_BOOT_ID] = "boot_id",
};

static int
digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static int
parse_entropy(const char *text, uint8_t *ret_bytes)
{
	if (strlen(text) != (size_t)2 * IDENTITY_ENTROPY_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < IDENTITY_ENTROPY_BYTES; i++) {
		int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		ret_bytes[i] = (uint8_t)(high * 16 + low);
	}
	return 0;
}

static int
parse_value(enum key key, const char *value, struct identity *identity)
{
	switch (key) {
	case KEY_COMMAND_LINE:
		if (strlen(value) > IDENTITY_COMMAND_LINE_MAX)
			return -E2BIG;
		memcpy(identity->command_line, value, strlen(value) + 1);
		return 0;
	case KEY_ENTROPY:
		return parse_entropy(value, identity->entropy);
	case KEY_TIME:
		return text_parse_u64(value, INT64_MAX, &identity->time_ns);
	case KEY_BOOT_ID:
		if (!uuid_valid(value))
			return -EINVAL;
		memcpy(identity->boot_id, value, sizeof(identity->boot_id));
		return 0;
	case KEY_MAX:
		break;
	}
	return -EINVAL;
}

static int
parse_line(char *line, unsigned int *seen, struct identity *identity, struct err *err)
{
	char *value = strchr(line, '=');

	if (value == NULL)
		return err_set(err, EBADMSG, "identity: a line without a value");
	*value++ = '\0';
	for (unsigned int key = 0; key < KEY_MAX; key++) {
		if (!text_equal(line, key_names[key]))
			continue;
		if ((*seen & 1U << key) != 0)
			return err_set(err, EBADMSG, "identity: '%s' is there twice", line);
		*seen |= 1U << key;
		if (parse_value((enum key)key, value, identity) < 0)
			return err_set(err, EBADMSG, "identity: '%s' is not valid", line);
		return 0;
	}
	return err_set(err, EBADMSG, "identity: a key is unknown");
}

int
identity_parse(const char *text, size_t size, struct identity *ret_identity, struct err *err)
{
	struct identity identity = {0};
	AUTO_FREE char *copy = NULL;
	unsigned int seen = 0;
	char *rest, *line;

	if (size == 0 || size > IDENTITY_TEXT_MAX || text[size - 1] != '\n' ||
		memchr(text, '\0', size) != NULL)
		return err_set(err, EBADMSG, "identity: is not text of lines");
	/* Without the last newline, so that every piece is a line. */
	copy = text_format("%.*s", (int)size - 1, text);
	rest = copy;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (parse_line(line, &seen, &identity, err) < 0)
			return -1;
	}
	if (seen != (1U << KEY_MAX) - 1)
		return err_set(err, EBADMSG, "identity: something is missing");
	*ret_identity = identity;
	return 0;
}
