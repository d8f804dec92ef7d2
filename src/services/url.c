/* Checking addresses (url.h): the receiver's line, and what a caller means by an argument. */
#include "services/url.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

bool
url_has_scheme(const char *text)
{
	return text_starts_with(text, "http://") || text_starts_with(text, "https://") ||
	       text_starts_with(text, "ftp://");
}

int
url_check_line(char *untrusted_line, size_t size)
{
	if (size > 0 && untrusted_line[size - 1] == '\n')
		size--;
	if (size == 0 || size > URL_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < size; i++)
		if (untrusted_line[i] <= ' ' || untrusted_line[i] > '~')
			return -EBADMSG;
	untrusted_line[size] = '\0';
	return url_has_scheme(untrusted_line) ? 0 : -EBADMSG;
}
