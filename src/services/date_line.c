/* Writing and reading the time (date_line.h). The line read is another qube's. */
#include "services/date_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define YEAR_MIN 1000
#define YEAR_MAX 9999

int
date_line_format(
	const struct timespec *time, bool nanoseconds, char ret_line[DATE_LINE_LONG_BYTES + 1])
{
	char fraction[16] = "";
	struct tm utc;
	size_t length;

	if (gmtime_r(&time->tv_sec, &utc) == NULL || utc.tm_year + 1900 < YEAR_MIN ||
		utc.tm_year + 1900 > YEAR_MAX)
		return -ERANGE;
	if (nanoseconds)
		snprintf(fraction, sizeof(fraction), ",%09ld", time->tv_nsec);
	length = strftime(ret_line, DATE_LINE_LONG_BYTES + 1, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(ret_line + length, DATE_LINE_LONG_BYTES + 1 - length, "%s+00:00\n", fraction);
	return 0;
}

/* A 'd' in the shape stands for a digit, anything else for itself. */
static bool
has_shape(const char *text, size_t size, const char *shape)
{
	if (size != strlen(shape))
		return false;
	for (size_t i = 0; i < size; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
			return false;
	return true;
}

static int
number(const char *digits, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++)
		value = 10 * value + (digits[i] - '0');
	return value;
}

int
date_line_parse(const char *untrusted_text, size_t size, struct timespec *ret_time)
{
	const bool nanoseconds =
		has_shape(untrusted_text, size, "dddd-dd-ddTdd:dd:dd,ddddddddd+00:00\n");
	struct tm utc = {0}, again;
	struct timespec time = {0};

	if (!nanoseconds && !has_shape(untrusted_text, size, "dddd-dd-ddTdd:dd:dd+00:00\n"))
		return -EBADMSG;
	utc.tm_year = number(untrusted_text, 4) - 1900;
	utc.tm_mon = number(untrusted_text + 5, 2) - 1;
	utc.tm_mday = number(untrusted_text + 8, 2);
	utc.tm_hour = number(untrusted_text + 11, 2);
	utc.tm_min = number(untrusted_text + 14, 2);
	utc.tm_sec = number(untrusted_text + 17, 2);
	again = utc;
	time.tv_sec = timegm(&again);
	if (nanoseconds)
		time.tv_nsec = number(untrusted_text + 20, 9);
	/* A day or an hour that does not exist was turned into another. */
	if (again.tm_mon != utc.tm_mon || again.tm_mday != utc.tm_mday ||
		again.tm_hour != utc.tm_hour || again.tm_min != utc.tm_min ||
		again.tm_sec != utc.tm_sec)
		return -EBADMSG;
	if (time.tv_sec < DATE_LINE_EARLIEST)
		return -ERANGE;
	*ret_time = time;
	return 0;
}

bool
date_line_differs(const struct timespec *now, const struct timespec *wanted)
{
	time_t difference = wanted->tv_sec > now->tv_sec ? wanted->tv_sec - now->tv_sec
							 : now->tv_sec - wanted->tv_sec;

	return difference > DATE_LINE_TOLERATED_SECONDS;
}

bool
date_line_is_behind(const struct timespec *now, const struct timespec *wanted)
{
	return now->tv_sec != wanted->tv_sec ? now->tv_sec < wanted->tv_sec
					     : now->tv_nsec < wanted->tv_nsec;
}
