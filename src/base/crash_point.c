/*
 * Named places to die at; see crash_point.h. Reads two variables of its own environment, which
 * the tests set; runs in whatever process calls it.
 */
#include "base/crash_point.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

static void
append_name(const char *file, const char *name)
{
	AUTO_FD int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	AUTO_FREE char *line = text_format("%s\n", name);

	if (fd >= 0)
		(void)write_all(fd, line, strlen(line));
}

void
crash_point(const char *name)
{
	static bool is_read;
	static const char *crash_at, *list_file;

	if (!is_read) {
		is_read = true;
		crash_at = getenv("BULKHEAD_CRASH_AT");
		list_file = getenv("BULKHEAD_CRASH_LIST");
	}
	if (list_file != NULL)
		append_name(list_file, name);
	if (crash_at != NULL && text_equal(crash_at, name))
		(void)raise(SIGKILL);
}
