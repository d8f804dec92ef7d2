/* Switching processors on through /sys; see processors.h. The kernel is trusted. */
#include "qube-init/processors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define PROCESSORS_MAX 1024

/* False when there is no such processor. The first has no switch. */
static bool
bring_up(int number)
{
	char path[64];
	AUTO_FD int fd = -1;
	char state = '1';

	snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return number == 0 || errno != ENOENT;
	if (read(fd, &state, 1) == 1 && state == '0' && pwrite(fd, "1", 1, 0) != 1)
		log_warning("processor %d does not come up: %s", number, strerror(errno));
	return true;
}

void
processors_bring_up(void)
{
	for (int number = 0; number < PROCESSORS_MAX && bring_up(number); number++)
		;
}
