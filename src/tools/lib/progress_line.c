/* Progress on a terminal (progress_line.h). */
#include "tools/lib/progress_line.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/volumes.h"

#define SHOW_PERIOD_MS 200
#define WATCH_PERIOD_US 400000

static bool is_shown;

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
print_line(const char *what, int percent)
{
	if (percent >= 0)
		fprintf(stderr, "\r%s %d %%\033[K", what, percent);
	else
		fprintf(stderr, "\r%s\033[K", what);
	is_shown = true;
}

void
progress_line_show(const char *what, uint64_t done, uint64_t all)
{
	static int64_t last_ms;
	int64_t moment = now_ms();

	if (!isatty(STDERR_FILENO) || moment - last_ms < SHOW_PERIOD_MS)
		return;
	last_ms = moment;
	print_line(what, all > 0 ? (int)(done / ((all + 99) / 100)) : -1);
}

void
progress_line_end(void)
{
	if (is_shown)
		fputs("\r\033[K", stderr);
	is_shown = false;
}

/* False: the daemon does not know the method, or is gone. */
static bool
show_work(const char *qube, const char *volume)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *answer = NULL, *what = NULL, *line = NULL;
	char *percent;

	if (admin_call("bulkhead.vm.volume.Work", volume, qube, NULL, &answer, &err) < 0)
		return false;
	if (answer[0] == '\0')
		return true;
	/* "what=WORD percent=N": the first value goes on to the end of the line. */
	what = volume_info_value(answer, "what");
	if (what == NULL)
		return false;
	percent = strstr(what, " percent=");
	if (percent != NULL)
		*percent = '\0';
	line = text_format("%s:%s: %s", qube, volume, what);
	print_line(
		line, percent != NULL ? (int)strtol(percent + strlen(" percent="), NULL, 10) : -1);
	return true;
}

pid_t
progress_watch_begin(const char *qube, const char *volume)
{
	pid_t parent = getpid(), pid;

	if (!isatty(STDERR_FILENO))
		return -1;
	pid = fork();
	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What ends soon needs no line. */
	while (getppid() == parent && usleep(WATCH_PERIOD_US) == 0 && show_work(qube, volume))
		;
	_exit(0);
}

void
progress_watch_end(pid_t watcher)
{
	if (watcher <= 0)
		return;
	child_end(watcher);
	fputs("\r\033[K", stderr);
}
