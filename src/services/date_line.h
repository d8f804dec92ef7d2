/*
 * The line of qubes.GetDate: YYYY-MM-DDTHH:MM:SS+00:00, with a comma and nine digits of nanoseconds
 * before the offset if asked for. Always UTC.
 */
#ifndef BULKHEAD_SERVICES_DATE_LINE_H
#define BULKHEAD_SERVICES_DATE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* With the newline, without the NUL. */
#define DATE_LINE_BYTES 26
#define DATE_LINE_LONG_BYTES 36

/* No clock was right before this program was written: 2022-07-10T17:08:31. */
#define DATE_LINE_EARLIEST 1657472911

/* 0, or -ERANGE for a year that has not four digits. */
int date_line_format(
	const struct timespec *time, bool nanoseconds, char ret_line[DATE_LINE_LONG_BYTES + 1]);

/* Exactly one line, newline included. 0, -EBADMSG, or -ERANGE when too early. */
int date_line_parse(const char *untrusted_text, size_t size, struct timespec *ret_time);

/* A clock that is so little off is left alone. */
#define DATE_LINE_TOLERATED_SECONDS 2
/* Whether a clock that shows `now` is to be set to `wanted`. */
bool date_line_differs(const struct timespec *now, const struct timespec *wanted);
/* Whether it shows an earlier time, however little. */
bool date_line_is_behind(const struct timespec *now, const struct timespec *wanted);

#endif
