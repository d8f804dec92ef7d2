/* Headers of tar archives (tar.h). */
#include "filecopy/tar.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* Where the fields of a header are, and how long. */
enum {
	NAME = 0,
	NAME_SIZE = 100,
	MODE = 100,
	MODE_SIZE = 8,
	SIZE = 124,
	SIZE_SIZE = 12,
	MTIME = 136,
	MTIME_SIZE = 12,
	CHECKSUM = 148,
	CHECKSUM_SIZE = 8,
	TYPE = 156,
	TARGET = 157,
	TARGET_SIZE = 100,
	MAGIC = 257,
	PREFIX = 345,
	PREFIX_SIZE = 155,
};

#define PERMISSIONS 07777u

static int
fail(struct err *err, const char *what)
{
	return err_set(err, EBADMSG, "archive: %s", what);
}

/* Octal digits between blanks, or, with the top bit set, a number in big endian. */
static int
take_number(const uint8_t *field, size_t size, uint64_t *ret_value)
{
	uint64_t value = 0;
	size_t i = 0;

	if ((field[0] & 0x80) != 0) {
		if (field[0] != 0x80)
			return -EBADMSG; /* negative, or beyond 64 bits */
		for (i = 1; i < size; i++) {
			if (value >> 56 != 0)
				return -EBADMSG;
			value = value << 8 | field[i];
		}
		*ret_value = value;
		return 0;
	}
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) {
		if (value >> 61 != 0)
			return -EBADMSG;
		value = value << 3 | (uint64_t)(field[i] - '0');
	}
	for (; i < size; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return -EBADMSG;
	*ret_value = value;
	return 0;
}

static bool
checksum_right(const uint8_t *block)
{
	uint64_t wanted, sum = 0;

	if (take_number(block + CHECKSUM, CHECKSUM_SIZE, &wanted) < 0)
		return false;
	for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
		sum += i >= CHECKSUM && i < CHECKSUM + CHECKSUM_SIZE ? ' ' : block[i];
	return sum == wanted;
}

static bool
is_zero(const uint8_t *block)
{
	for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
		if (block[i] != 0)
			return false;
	return true;
}

static int
kind_of(uint8_t type, enum tar_kind *ret_kind)
{
	static const struct {
		char type;
		enum tar_kind kind;
	} kinds[] = {{'0', TAR_FILE}, {'\0', TAR_FILE}, {'7', TAR_FILE}, {'5', TAR_DIRECTORY},
		{'2', TAR_LINK}, {'L', TAR_LONG_NAME}, {'K', TAR_LONG_TARGET}, {'x', TAR_PAX},
		{'g', TAR_PAX_GLOBAL}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((char)type == kinds[i].type) {
			*ret_kind = kinds[i].kind;
			return 0;
		}
	}
	return -EBADMSG;
}

static size_t
field_length(const uint8_t *field, size_t size)
{
	return strnlen((const char *)field, size);
}

static void
strip_slashes(char *name)
{
	size_t length = strlen(name);

	while (length > 0 && name[length - 1] == '/')
		name[--length] = '\0';
}

/* The name in the header has two parts where the magic is that of POSIX. */
static void
take_short_name(struct tar_member *m, const uint8_t *block)
{
	size_t length = 0, part;

	if (memcmp(block + MAGIC, "ustar\0", 6) == 0 && block[PREFIX] != 0) {
		length = field_length(block + PREFIX, PREFIX_SIZE);
		memcpy(m->name, block + PREFIX, length);
		m->name[length++] = '/';
	}
	part = field_length(block + NAME, NAME_SIZE);
	memcpy(m->name + length, block + NAME, part);
	m->name[length + part] = '\0';
}

int
tar_take_header(
	struct tar_member *m, const uint8_t untrusted_block[TAR_BLOCK_BYTES], struct err *err)
{
	const uint8_t *block = untrusted_block;
	uint64_t mode, mtime;

	if (is_zero(block)) {
		m->kind = TAR_END;
		return 0;
	}
	if (!checksum_right(block))
		return fail(err, "a header's checksum is wrong");
	if (kind_of(block[TYPE], &m->kind) < 0)
		return fail(err, "it has a record of a kind that is not supported");
	if (take_number(block + SIZE, SIZE_SIZE, &m->size) < 0 ||
		take_number(block + MODE, MODE_SIZE, &mode) < 0 ||
		take_number(block + MTIME, MTIME_SIZE, &mtime) < 0 || m->size > INT64_MAX ||
		mtime > INT64_MAX)
		return fail(err, "a header's number is wrong");
	if (m->kind >= TAR_LONG_NAME) {
		if (m->size > TAR_EXTENSION_MAX)
			return fail(err, "a record before a member is too long");
		return 0;
	}
	m->mode = (uint32_t)mode & PERMISSIONS;
	if (m->has_size)
		m->size = m->pax_size;
	if (!m->has_mtime)
		m->mtime = (struct timespec){.tv_sec = (time_t)mtime};
	if (!m->has_atime)
		m->atime = m->mtime;
	if (!m->has_name)
		take_short_name(m, block);
	strip_slashes(m->name);
	if (!m->has_target) {
		size_t length = field_length(block + TARGET, TARGET_SIZE);

		memcpy(m->target, block + TARGET, length);
		m->target[length] = '\0';
	}
	if (m->kind != TAR_FILE && m->size != 0)
		return fail(err, "a member without content has some");
	return 0;
}

/* --- what comes before a member --------------------------------------------------------------- */

static int
take_text(char *to, bool *ret_has, const char *text, size_t size, size_t max, struct err *err)
{
	size_t length = strnlen(text, size);

	if (length == 0 || length > max)
		return fail(err, "a name is too long, or empty");
	memcpy(to, text, length);
	to[length] = '\0';
	*ret_has = true;
	return 0;
}

/* "SECONDS[.FRACTION]", from 1970 on: what is before that is taken for that. */
static int
take_time(const char *text, struct timespec *ret_time, struct err *err)
{
	const bool negative = text[0] == '-';
	struct timespec time = {0};
	long unit = 100000000;
	uint64_t seconds;
	char digits[20];
	size_t length;

	text += negative;
	length = strspn(text, "0123456789");
	if (length == 0 || length >= sizeof(digits))
		return fail(err, "a time is wrong");
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (text_parse_u64(digits, INT64_MAX, &seconds) < 0)
		return fail(err, "a time is wrong");
	text += length;
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			time.tv_nsec += unit * (*text - '0');
	if (*text != '\0')
		return fail(err, "a time is wrong");
	time.tv_sec = (time_t)seconds;
	*ret_time = negative ? (struct timespec){0} : time;
	return 0;
}

/* What changes the meaning of the content, and is not one of those we know, is an error. */
static int
take_keyword(struct tar_member *m, const char *key, const char *value, size_t size, struct err *err)
{
	if (text_equal(key, "path"))
		return take_text(m->name, &m->has_name, value, size, FILECOPY_NAME_MAX, err);
	if (text_equal(key, "linkpath"))
		return take_text(m->target, &m->has_target, value, size, FILECOPY_TARGET_MAX, err);
	if (strlen(value) != size)
		return fail(err, "a pax record has a NUL");
	if (text_equal(key, "size")) {
		m->has_size = text_parse_u64(value, INT64_MAX, &m->pax_size) == 0;
		return m->has_size ? 0 : fail(err, "a pax record's size is wrong");
	}
	if (text_equal(key, "mtime")) {
		m->has_mtime = true;
		return take_time(value, &m->mtime, err);
	}
	if (text_equal(key, "atime")) {
		m->has_atime = true;
		return take_time(value, &m->atime, err);
	}
	return text_starts_with(key, "GNU.sparse.") ? fail(err, "it has a sparse file") : 0;
}

/* Records "LENGTH KEY=VALUE\n", whose length counts all of them. */
static int
take_pax(struct tar_member *m, char *body, size_t size, struct err *err)
{
	while (size > 0) {
		size_t digits = strspn(body, "0123456789");
		uint64_t length;
		char *key, *value;

		if (digits == 0 || digits > 8 || digits >= size || body[digits] != ' ')
			return fail(err, "a pax record is wrong");
		body[digits] = '\0';
		if (text_parse_u64(body, size, &length) < 0 || length < digits + 4 ||
			body[length - 1] != '\n')
			return fail(err, "a pax record's length is wrong");
		body[length - 1] = '\0';
		key = body + digits + 1;
		value = strchr(key, '=');
		if (value == NULL)
			return fail(err, "a pax record has no value");
		*value++ = '\0';
		if (take_keyword(m, key, value, (size_t)(body + length - 1 - value), err) < 0)
			return -1;
		body += length;
		size -= length;
	}
	return 0;
}

int
tar_take_extension(struct tar_member *m, enum tar_kind kind, char *untrusted_body, size_t size,
	struct err *err)
{
	if (kind == TAR_LONG_NAME)
		return take_text(
			m->name, &m->has_name, untrusted_body, size, FILECOPY_NAME_MAX, err);
	if (kind == TAR_LONG_TARGET)
		return take_text(
			m->target, &m->has_target, untrusted_body, size, FILECOPY_TARGET_MAX, err);
	if (kind == TAR_PAX)
		return take_pax(m, untrusted_body, size, err);
	/* Those for all members may only comment. */
	return strstr(untrusted_body, " comment=") != NULL &&
			       strchr(untrusted_body, '\n') == untrusted_body + size - 1
		       ? 0
		       : fail(err, "it has records for all members");
}

size_t
tar_padding(uint64_t size)
{
	return (size_t)((TAR_BLOCK_BYTES - size % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES);
}
