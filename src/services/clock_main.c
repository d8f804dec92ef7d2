/*
 * qube-clock: tells the time (qubes.GetDate) or sets it to a line on stdin (qubes.SetDateTime, and
 * qvm-sync-clock with the answer of dom0). Setting needs root; small differences are left alone,
 * unless the clock is to be exact.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "services/date_line.h"

static int
get(const char *argument)
{
	const bool nanoseconds = text_equal(argument, "nanoseconds") || text_equal(argument, "ns");
	char line[DATE_LINE_LONG_BYTES + 1];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (date_line_format(&now, nanoseconds, line) < 0)
		fatal("the clock is far off");
	fputs(line, stdout);
	return 0;
}

/* Exactly: also from little behind. A line is older than its arrival, and never tells too much. */
static int
set(bool exactly)
{
	char untrusted_line[DATE_LINE_LONG_BYTES + 1];
	size_t size = 0;
	struct timespec wanted, now;
	ssize_t count;

	while (size < sizeof(untrusted_line) && (count = read(STDIN_FILENO, untrusted_line + size,
							 sizeof(untrusted_line) - size)) > 0)
		size += (size_t)count;
	if (date_line_parse(untrusted_line, size, &wanted) < 0)
		fatal("what was sent is not a time");
	clock_gettime(CLOCK_REALTIME, &now);
	if (!date_line_differs(&now, &wanted) && !(exactly && date_line_is_behind(&now, &wanted)))
		return 0;
	if (clock_settime(CLOCK_REALTIME, &wanted) < 0)
		fatal("cannot set the clock: %s", strerror(errno));
	return 0;
}

int
main(int argc, char **argv)
{
	log_init("qube-clock");
	if (argc >= 2 && argc <= 3 && text_equal(argv[1], "get"))
		return get(argc == 3 ? argv[2] : "");
	if (argc >= 2 && argc <= 3 && text_equal(argv[1], "set"))
		return set(argc == 3 && text_equal(argv[2], "exact"));
	fputs("usage: qube-clock get [nanoseconds] | set [exact]\n", stderr);
	return 2;
}
