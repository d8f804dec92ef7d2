/*
 * Writing and reading records of transfers (transfer_record.h). Lines about arrived objects are
 * written by the confined receiver; reading trusts none of them: paths are relative where they
 * have to be, and whoever acts on them stays below the right directory.
 */
#include "filecopy/transfer_record.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define HEAD_LINE "bulkhead-transfer 1"
#define FIELDS_MAX 6

/* --- writing -------------------------------------------------------------------------------- */

static int
put_path(struct buf *b, const char *path)
{
	int e = buf_put_u8(b, ' ');

	for (const unsigned char *c = (const unsigned char *)path; *c != '\0' && e == 0; c++) {
		if (isascii(*c) && (isalnum(*c) || strchr("-._/", *c) != NULL))
			e = buf_put_u8(b, *c);
		else
			e = buf_printf(b, "%%%02X", *c);
	}
	return e;
}

int
transfer_record_put_head(
	struct buf *b, bool incoming, bool move, const char *peer, int64_t unix_time)
{
	return buf_printf(b, HEAD_LINE "\n%s %s %s %" PRId64 "\n", incoming ? "in" : "out",
		move ? "move" : "copy", peer, unix_time);
}

int
transfer_record_put_total(struct buf *b, uint64_t files, uint64_t bytes)
{
	return buf_printf(b, "total %" PRIu64 " %" PRIu64 "\n", files, bytes);
}

static int
put_sum(struct buf *b, const char *keyword, const struct tree_sum *sum)
{
	return buf_printf(b, "%s %016" PRIx64 " %" PRIu64 " %" PRIu64, keyword, sum->hash,
		sum->count, sum->bytes);
}

int
transfer_record_put_root(struct buf *b, const char *path, const struct tree_sum *sum)
{
	int e = put_sum(b, "root", sum);

	if (e == 0)
		e = put_path(b, path);
	return e < 0 ? e : buf_put_u8(b, '\n');
}

int
transfer_record_put_path(struct buf *b, enum transfer_line kind, const char *path)
{
	int e = buf_put_string(b, kind == TRANSFER_SENT ? "sent" : "lost");

	if (e == 0)
		e = put_path(b, path);
	return e < 0 ? e : buf_put_u8(b, '\n');
}

int
transfer_record_put_trashed(
	struct buf *b, const char *trash_name, const char *path, const struct tree_sum *sum)
{
	int e = put_sum(b, "trashed", sum);

	if (e == 0)
		e = put_path(b, trash_name);
	if (e == 0)
		e = put_path(b, path);
	return e < 0 ? e : buf_put_u8(b, '\n');
}

int
transfer_record_put_undone(struct buf *b, int64_t unix_time)
{
	return buf_printf(b, "undone %" PRId64 "\n", unix_time);
}

/* --- reading -------------------------------------------------------------------------------- */

/* Splits at single blanks, in place. The number of fields, or -EBADMSG. */
static int
split(char *line, char *fields[FIELDS_MAX])
{
	int count = 0;

	for (char *field = line; field != NULL;) {
		char *blank = strchr(field, ' ');

		if (count == FIELDS_MAX)
			return -EBADMSG;
		if (blank != NULL)
			*blank++ = '\0';
		fields[count++] = field;
		field = blank;
	}
	return count;
}

static int
hex_value(char c)
{
	const char *digits = "0123456789ABCDEF", *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* The path in place, which only gets shorter. */
static int
decode_path(char *text)
{
	char *out = text;

	for (char *in = text; *in != '\0'; in++) {
		int high, low;

		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		high = hex_value(in[1]);
		low = high < 0 ? -1 : hex_value(in[2]);
		if (low < 0 || (high == 0 && low == 0))
			return -EBADMSG;
		*out++ = (char)(high << 4 | low);
		in += 2;
	}
	*out = '\0';
	return out == text ? -EBADMSG : 0;
}

static int
parse_time(const char *text, int64_t *ret_time)
{
	uint64_t value;

	if (text_parse_u64(text, INT64_MAX, &value) < 0)
		return -EBADMSG;
	*ret_time = (int64_t)value;
	return 0;
}

static int
parse_sum(char *const fields[3], struct tree_sum *ret_sum)
{
	char *end;

	if (strlen(fields[0]) != 16 || strspn(fields[0], "0123456789abcdef") != 16 ||
		text_parse_u64(fields[1], UINT64_MAX, &ret_sum->count) < 0 ||
		text_parse_u64(fields[2], UINT64_MAX, &ret_sum->bytes) < 0)
		return -EBADMSG;
	ret_sum->hash = strtoull(fields[0], &end, 16);
	return 0;
}

static int
add_object(struct transfer_record *r, const struct transfer_object *object)
{
	struct transfer_object *grown = r->objects;

	/* Room doubles at each power of two. */
	if ((r->count & (r->count - 1)) == 0)
		grown = reallocarray(r->objects, r->count == 0 ? 1 : 2 * r->count, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	r->objects = grown;
	r->objects[r->count] = *object;
	r->objects[r->count].path = text_copy(object->path);
	if (object->trash_name != NULL)
		r->objects[r->count].trash_name = text_copy(object->trash_name);
	r->count++;
	return 0;
}

static int
parse_object(struct transfer_record *r, enum transfer_line kind, char **fields, int count)
{
	const bool summed = kind == TRANSFER_ROOT || kind == TRANSFER_TRASHED;
	const int wanted = 2 + (summed ? 3 : 0) + (kind == TRANSFER_TRASHED ? 1 : 0);
	struct transfer_object object = {.kind = kind};

	if (count != wanted || (summed && parse_sum(fields + 1, &object.sum) < 0) ||
		decode_path(fields[count - 1]) < 0)
		return -EBADMSG;
	object.path = fields[count - 1];
	if (kind == TRANSFER_TRASHED) {
		object.trash_name = fields[count - 2];
		if (decode_path(object.trash_name) < 0 || object.trash_name[0] != '/')
			return -EBADMSG;
	}
	return add_object(r, &object);
}

static int
parse_description(struct transfer_record *r, char **fields, int count)
{
	if (count != 4 || (!text_equal(fields[0], "in") && !text_equal(fields[0], "out")) ||
		(!text_equal(fields[1], "copy") && !text_equal(fields[1], "move")) ||
		fields[2][0] == '\0' || strlen(fields[2]) > TRANSFER_PEER_MAX ||
		!text_only_has(fields[2], "-_.@:") || fields[2][0] == '.')
		return -EBADMSG;
	r->incoming = text_equal(fields[0], "in");
	r->move = text_equal(fields[1], "move");
	snprintf(r->peer, sizeof(r->peer), "%s", fields[2]);
	return parse_time(fields[3], &r->time);
}

static int
parse_line(struct transfer_record *r, int number, char *line)
{
	static const char *const keywords[] = {
		[TRANSFER_ROOT] = "root",
		[TRANSFER_SENT] = "sent",
		[TRANSFER_TRASHED] = "trashed",
		[TRANSFER_LOST] = "lost",
	};
	char *fields[FIELDS_MAX];
	int count;

	if (number == 0)
		return text_equal(line, HEAD_LINE) ? 0 : -EBADMSG;
	count = split(line, fields);
	if (count < 0)
		return count;
	if (number == 1)
		return parse_description(r, fields, count);
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (text_equal(fields[0], keywords[i]))
			return parse_object(r, (enum transfer_line)i, fields, count);
	if (text_equal(fields[0], "total") && count == 3)
		return text_parse_u64(fields[1], UINT64_MAX, &r->files) < 0 ||
				       text_parse_u64(fields[2], UINT64_MAX, &r->bytes) < 0
			       ? -EBADMSG
			       : 0;
	if (text_equal(fields[0], "undone") && count == 2)
		return parse_time(fields[1], &r->undone);
	return -EBADMSG;
}

int
transfer_record_parse(
	const char *text, size_t size, struct transfer_record *ret_record, struct err *err)
{
	AUTO_RECORD struct transfer_record r = {0};
	AUTO_FREE char *copy = malloc(size + 1);
	char *line = copy;
	int number = 0;

	if (copy == NULL)
		return err_set(err, ENOMEM, "record: no memory");
	memcpy(copy, text, size);
	copy[size] = '\0';
	for (char *end; (end = memchr(line, '\n', (size_t)(copy + size - line))) != NULL;
		line = end + 1, number++) {
		*end = '\0';
		if (parse_line(&r, number, line) < 0)
			return err_set(err, EBADMSG, "record: line %d is not valid", number + 1);
	}
	if (number < 2 || line != copy + size)
		/* The copy goes with its scope. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		return err_set(err, EBADMSG, "record: it ends too early");
	*ret_record = r;
	r = (struct transfer_record){0};
	return 0;
}

void
transfer_record_finish(struct transfer_record *record)
{
	for (size_t i = 0; i < record->count; i++) {
		free(record->objects[i].path);
		free(record->objects[i].trash_name);
	}
	free(record->objects);
	*record = (struct transfer_record){0};
}
