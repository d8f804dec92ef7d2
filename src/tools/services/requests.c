/* Reading requests (requests.h); every byte is a qube's. */
#include "tools/services/requests.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static bool
name_valid(const char *name)
{
	return name[0] != '\0' && name[0] != '-' && strlen(name) <= REQUEST_NAME_MAX &&
	       text_only_has(name, "._-");
}

static bool
value_valid(const char *value)
{
	return strlen(value) <= REQUEST_VALUE_MAX && text_only_has(value, "-.,_= ");
}

static struct feature_request *
find(struct feature_requests *requests, const char *name)
{
	for (size_t i = 0; i < requests->count; i++)
		if (text_equal(requests->items[i].name, name))
			return &requests->items[i];
	return NULL;
}

static int
take_line(struct feature_requests *requests, char *line)
{
	char *value = strchr(line, '=');
	struct feature_request *present;

	if (value == NULL)
		return 0;
	*value++ = '\0';
	if (!name_valid(line) || !value_valid(value))
		return 0;
	present = find(requests, line);
	if (present != NULL) {
		present->value = value;
		return 0;
	}
	if (requests->count == REQUESTS_MAX)
		return -E2BIG;
	requests->items[requests->count++] = (struct feature_request){.name = line, .value = value};
	return 0;
}

int
requests_parse(char *untrusted_text, size_t size, struct feature_requests *ret_requests)
{
	char *end = untrusted_text + size, *next;

	ret_requests->count = 0;
	if (size > REQUESTS_MAX_BYTES)
		return -E2BIG;
	*end = '\0';
	for (char *line = untrusted_text; line < end; line = next) {
		char *feed = memchr(line, '\n', (size_t)(end - line));

		next = feed != NULL ? feed + 1 : end;
		if (feed != NULL)
			*feed = '\0';
		/* A NUL within: not a line of text. */
		if (strlen(line) == (size_t)((feed != NULL ? feed : end) - line) &&
			take_line(ret_requests, line) < 0)
			return -E2BIG;
	}
	return 0;
}

const char *
requests_value(const struct feature_requests *requests, const char *name)
{
	for (size_t i = 0; i < requests->count; i++)
		if (text_equal(requests->items[i].name, name))
			return requests->items[i].value;
	return NULL;
}
