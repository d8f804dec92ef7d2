/*
 * The framing of a request (spec admin-api.md 8.1). Pure: bytes in, fields out. The bytes are
 * hostile; what comes out are texts without control characters, not yet names of anything.
 */
#include <errno.h>
#include <string.h>

#include "admin/api/request.h"
#include "base/text.h"

/* METHOD[+ARG], SRC, DESTTYPE, DEST. */
#define HEADER_FIELDS 4

static bool
is_printable(const char *header)
{
	for (; *header != '\0'; header++) {
		if (*header < 0x20 || *header > 0x7e)
			return false;
	}
	return true;
}

/* The destination by name; `keyword adminvm` is dom0. NULL for anything else. */
static const char *
resolve_destination(const char *type, const char *destination)
{
	if (text_equal(type, "name"))
		return destination;
	if (text_equal(type, "keyword") && text_equal(destination, "adminvm"))
		return "dom0";
	return NULL;
}

size_t
request_size_limit(const char *untrusted_bytes, size_t size)
{
	static const char long_method[] = "admin.vm.notes.Set ";
	size_t length = strlen(long_method);

	return size >= length && memcmp(untrusted_bytes, long_method, length) == 0
		       ? REQUEST_LONG_MAX_BYTES
		       : REQUEST_MAX_BYTES;
}

int
request_parse(char *untrusted_bytes, size_t size, struct request_parts *ret_parts)
{
	char *header_end = memchr(untrusted_bytes, '\0', size);
	char *fields[HEADER_FIELDS], *rest = untrusted_bytes, *plus;
	struct request_parts parts = {0};

	if (header_end == NULL || !is_printable(untrusted_bytes))
		return -EBADMSG;
	untrusted_bytes[size] = '\0';

	for (size_t i = 0; i < HEADER_FIELDS; i++) {
		char *space = i + 1 < HEADER_FIELDS ? strchr(rest, ' ') : NULL;

		if (space == NULL && i + 1 < HEADER_FIELDS)
			return -EBADMSG;
		fields[i] = rest;
		if (space != NULL) {
			*space = '\0';
			rest = space + 1;
		}
	}

	plus = strchr(fields[0], '+');
	if (plus != NULL)
		*plus = '\0';
	parts.method = fields[0];
	parts.argument = plus != NULL ? plus + 1 : "";
	parts.source = fields[1];
	parts.destination = resolve_destination(fields[2], fields[3]);
	if (parts.destination == NULL)
		return -EBADMSG;
	parts.payload = header_end + 1;
	parts.payload_size = size - (size_t)(header_end + 1 - untrusted_bytes);
	*ret_parts = parts;
	return 0;
}
