/* What both ends of qubes.OpenInVM share (open_file.h). */
#include "services/open_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

#define COPY_BYTES (256UL * 1024)

const char *
open_file_viewer(void)
{
	const char *own = getenv("BULKHEAD_VIEWER");

	return own != NULL && own[0] == '/' ? own : BULKHEAD_LIBEXECDIR "/" OPEN_FILE_VIEWER;
}

int
open_file_encode_name(const char *name, bool view_only, char ret_bytes[OPEN_FILE_NAME_BYTES])
{
	const char *prefix = view_only ? OPEN_FILE_VIEW_ONLY : "";

	if (strlen(prefix) + strlen(name) >= OPEN_FILE_NAME_BYTES)
		return -ENAMETOOLONG;
	memset(ret_bytes, 0, OPEN_FILE_NAME_BYTES);
	snprintf(ret_bytes, OPEN_FILE_NAME_BYTES, "%s%s", prefix, name);
	return 0;
}

static bool
is_harmless(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr("._+@-", c) != NULL);
}

int
open_file_decode_name(
	const char untrusted_bytes[OPEN_FILE_NAME_BYTES], struct open_file_name *ret_name)
{
	struct open_file_name n = {0};
	const char *untrusted_name;

	memcpy(n.name, untrusted_bytes, OPEN_FILE_NAME_BYTES - 1);
	n.view_only = text_starts_with(n.name, OPEN_FILE_VIEW_ONLY);
	untrusted_name = n.name + (n.view_only ? strlen(OPEN_FILE_VIEW_ONLY) : 0);
	memmove(n.name, untrusted_name, strlen(untrusted_name) + 1);
	if (n.name[0] == '\0' || strcmp(n.name, ".") == 0 || strcmp(n.name, "..") == 0 ||
		strchr(n.name, '/') != NULL)
		return -EBADMSG;
	for (char *c = n.name; *c != '\0'; c++)
		if (!is_harmless(*c))
			*c = '_';
	/* No viewer takes it for an option. */
	if (n.name[0] == '-')
		n.name[0] = '_';
	*ret_name = n;
	return 0;
}

long long
open_file_copy(int from, int to)
{
	AUTO_FREE char *bytes = malloc(COPY_BYTES);
	long long total = 0;

	if (bytes == NULL)
		return -ENOMEM;
	for (;;) {
		ssize_t count = read(from, bytes, COPY_BYTES);
		int e;

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			return total;
		if ((e = write_all(to, bytes, (size_t)count)) < 0)
			return e;
		total += count;
	}
}
