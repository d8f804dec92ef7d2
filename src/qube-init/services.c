#include "qube-init/services.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/log.h"
#include "base/loop.h"

#define RESTART_FIRST_MS 100
#define RESTART_LAST_MS 10000
/* One that ran this long is taken as healthy again. */
#define RESTART_FORGET_MS 60000

struct service {
	const char *const *argv;
	struct loop_timer *timer;
	pid_t pid; /* 0: not running */
	uint64_t started_ms;
	uint64_t pause_ms;
};

static const char *const linkd_argv[] = {"/usr/lib/bulkhead/vchan-linkd", "--qube", NULL};
static const char *const agent_argv[] = {"/usr/lib/bulkhead/qrexec-agent", "--withdraw", NULL};

static struct service services[] = {
	{.argv = linkd_argv},
	{.argv = agent_argv},
};
#define SERVICE_COUNT (sizeof services / sizeof *services)

static bool stopping;

static void
start(struct service *service)
{
	/* Messages go to the console, which the host keeps. */
	const struct child_fd fds[] = {
		{STDERR_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
	struct child_config child = CHILD_CONFIG_INIT;
	struct err err = ERR_INIT;

	child.argv = service->argv;
	child.fds = fds;
	child.fd_count = sizeof fds / sizeof *fds;
	service->started_ms = loop_now_ms();
	service->pid = child_start(&child, &err);
	if (service->pid < 0) {
		log_error("service '%s': %s", service->argv[0], err_message(&err));
		service->pid = 0;
		loop_timer_start(service->timer, RESTART_LAST_MS);
	}
	err_clear(&err);
}

static void
handle_restart(struct loop_timer *timer, void *data)
{
	if (!stopping)
		start(data);
}

void
services_start(struct loop *loop)
{
	for (size_t i = 0; i < SERVICE_COUNT; i++) {
		services[i].timer = loop_timer_create(loop, handle_restart, &services[i]);
		if (services[i].timer == NULL)
			fatal("out of memory");
		services[i].pause_ms = RESTART_FIRST_MS;
		start(&services[i]);
	}
}

static void
plan_restart(struct service *service)
{
	if (loop_now_ms() - service->started_ms >= RESTART_FORGET_MS)
		service->pause_ms = RESTART_FIRST_MS;
	loop_timer_start(service->timer, service->pause_ms);
	service->pause_ms *= 2;
	if (service->pause_ms > RESTART_LAST_MS)
		service->pause_ms = RESTART_LAST_MS;
}

bool
services_handle_end(pid_t pid, int wait_status)
{
	for (size_t i = 0; i < SERVICE_COUNT; i++) {
		struct service *service = &services[i];

		if (service->pid != pid)
			continue;
		service->pid = 0;
		if (stopping)
			return true;
		if (WIFSIGNALED(wait_status))
			log_warning("service '%s': ended by signal %d", service->argv[0],
				WTERMSIG(wait_status));
		else
			log_warning("service '%s': ended with status %d", service->argv[0],
				WEXITSTATUS(wait_status));
		plan_restart(service);
		return true;
	}
	return false;
}

void
services_hold(bool held)
{
	for (size_t i = 0; i < SERVICE_COUNT; i++) {
		if (services[i].pid > 0)
			kill(services[i].pid, held ? SIGSTOP : SIGCONT);
	}
}

void
services_stop(void)
{
	stopping = true;
}
