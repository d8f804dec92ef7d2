/*
 * The host processes of one running qube: vchan-linkd, which carries its streams, and
 * qrexec-daemon, which carries its calls. Both may die without harm to the qube; they are started
 * again, at once the first time, then ever more slowly.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/lifecycle/boot.h"
#include "admin/lifecycle/run.h"
#include "base/cleanup.h"
#include "base/local_connect.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

/* Descriptors as the children see them. */
#define LINK_PORT_FD 3
#define LINK_LISTEN_FD 4
#define READY_FD 5

#define RESTART_DELAY_MS 200
#define RESTART_DELAY_MAX_MS 30000
/* One that was ready for so long did not fail at its start. */
#define SETTLED_MS 10000

static const char linkd_program[] = BULKHEAD_LIBEXECDIR "/vchan-linkd";
static const char qrexec_program[] = BULKHEAD_SBINDIR "/qrexec-daemon";

static int start_service(struct run_service *service, struct err *err);

static void
restart_later(struct run_service *service)
{
	uint64_t delay_ms = RESTART_DELAY_MAX_MS;

	if (service->failures < 8)
		delay_ms = (uint64_t)RESTART_DELAY_MS << service->failures;
	if (delay_ms > RESTART_DELAY_MAX_MS)
		delay_ms = RESTART_DELAY_MAX_MS;
	service->failures++;
	loop_timer_start(service->restart, delay_ms);
}

static const char *
service_name(const struct run_service *service)
{
	return service->kind == RECORD_LINK ? "vchan-linkd" : "qrexec-daemon";
}

static void
handle_restart(struct loop_timer *timer, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct run_service *service = data;

	(void)timer;
	/* Told only now: linkd sees the end of a machine before we do, and that is no trouble. */
	log_qube_message(LOG_LEVEL_ERROR, service->run->q->name, "%s ended, starting it again",
		service_name(service));
	if (start_service(service, &err) == 0)
		return;
	log_qube_message(LOG_LEVEL_ERROR, service->run->q->name, "%s", err_message(&err));
	restart_later(service);
}

static void
handle_ready(struct host_process *p, void *data)
{
	struct run_service *service = data;

	(void)p;
	service->ready_ms = loop_now_ms();
	if (service->kind == RECORD_QREXEC)
		run_agent_ready(service->run);
}

static void
remember(struct run_service *service)
{
	struct process_id none = {0};

	service->run->record.processes[service->kind] =
		service->process != NULL ? host_process_id(service->process) : none;
	run_save_record(service->run);
}

static void
handle_end(struct host_process *p, void *data)
{
	struct run_service *service = data;
	struct run *run = service->run;

	host_process_destroy(p);
	service->process = NULL;
	if (service->ready_ms != 0 && loop_now_ms() - service->ready_ms > SETTLED_MS)
		service->failures = 0;
	service->ready_ms = 0;
	if (run->phase == RUN_CLEANING)
		run_clean_up(run);
	else if (run->phase < RUN_STOPPING)
		restart_later(service);
}

static const struct host_process_handler service_handler = {
	.handle_ready = handle_ready,
	.handle_end = handle_end,
};

static char *
link_path(const struct run *run)
{
	return root_path("/run/vchan/link.%lld", (long long)run->record.xid);
}

/* Opened here, where there are the rights for it; linkd itself runs as the qube's user. */
static int
open_link_fds(const struct run *run, int *ret_port, int *ret_listen, struct err *err)
{
	AUTO_FREE char *run_directory = qube_run_directory(run->q);
	AUTO_FREE char *port_path = path_join(run_directory, MACHINE_SOCKET_LINK);
	AUTO_FREE char *listen_path = link_path(run);
	AUTO_FREE char *listen_directory = root_path("/run/vchan");

	if (make_directories(listen_directory, 0755, err) < 0)
		return -1;
	*ret_port = local_connect(port_path, err);
	if (*ret_port < 0)
		return -1;
	*ret_listen = socket_listen(listen_path, 0660, err);
	return *ret_listen < 0 ? -1 : 0;
}

static int
start_link(struct run_service *service, struct host_process_config *config, struct err *err)
{
	AUTO_FREE char *domain = text_format("%lld", (long long)service->run->record.xid);
	AUTO_FD int port_fd = -1;
	AUTO_FD int listen_fd = -1;
	const char *argv[] = {linkd_program, "--host", domain, "--name", service->run->q->name,
		"--port-fd", "3", "--listen-fd", "4", "--ready-fd", "5", NULL};
	struct child_fd fds[2];

	if (open_link_fds(service->run, &port_fd, &listen_fd, err) < 0)
		return -1;
	fds[0] = (struct child_fd){port_fd, LINK_PORT_FD};
	fds[1] = (struct child_fd){listen_fd, LINK_LISTEN_FD};
	config->name = "vchan-linkd";
	config->argv = argv;
	config->fds = fds;
	config->fd_count = 2;
	config->uid = qube_host_uid(service->run->q);
	config->gid = (gid_t)config->uid;
	service->process = host_process_start(
		service->run->l->config.loop, config, &service_handler, service, err);
	return service->process == NULL ? -1 : 0;
}

static int
start_qrexec(struct run_service *service, struct host_process_config *config, struct err *err)
{
	const struct qube *q = service->run->q;
	AUTO_FREE char *domain = text_format("%lld", (long long)service->run->record.xid);
	AUTO_FREE char *user = qube_text(q, PROPERTY_DEFAULT_USER);
	uid_t reader_uid = qube_host_uid(q);
	AUTO_FREE char *reader = text_format("--reader-uid=%u", (unsigned int)reader_uid);
	const char *argv[] = {qrexec_program, "-D", "--ready-fd=5", "-u", q->uuid, reader, "--",
		domain, q->name, user, NULL};

	/* Only root can give it a user of its own. */
	if (reader_uid == (uid_t)-1)
		argv[5] = "--quiet";
	config->name = "qrexec-daemon";
	config->argv = argv;
	service->process = host_process_start(
		service->run->l->config.loop, config, &service_handler, service, err);
	return service->process == NULL ? -1 : 0;
}

static int
start_service(struct run_service *service, struct err *err)
{
	const struct qube *q = service->run->q;
	bool is_link = service->kind == RECORD_LINK;
	AUTO_FREE char *directory = qube_run_directory(q);
	/* Their words may name what a program in the qube has asked for. */
	AUTO_FREE char *log_path = service->run->is_ephemeral
					   ? text_copy("/dev/null")
					   : root_path(LIFECYCLE_LOG_DIRECTORY "/%s.%s.log",
						     is_link ? "vchan" : "qrexec", q->name);
	struct host_process_config config = {.log_path = log_path,
		.directory = directory,
		.ready_target = READY_FD,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1};
	int result =
		is_link ? start_link(service, &config, err) : start_qrexec(service, &config, err);

	if (result < 0)
		return err_wrap(err, "qube '%s'", q->name);
	remember(service);
	return 0;
}

static struct run_service *
init_service(struct run *run, enum record_process kind)
{
	struct run_service *service = &run->services[kind];

	*service = (struct run_service){.run = run, .kind = kind};
	service->restart = loop_timer_create(run->l->config.loop, handle_restart, service);
	return service;
}

int
run_services_start(struct run *run, struct err *err)
{
	if (start_service(init_service(run, RECORD_LINK), err) < 0 ||
		start_service(init_service(run, RECORD_QREXEC), err) < 0)
		return -1;
	return 0;
}

static void
adopt_service(struct run *run, enum record_process kind)
{
	struct run_service *service = init_service(run, kind);

	service->process = host_process_adopt(run->l->config.loop, service_name(service),
		&run->record.processes[kind], &service_handler, service);
	if (service->process == NULL)
		handle_restart(service->restart, service);
}

void
run_services_adopt(struct run *run)
{
	adopt_service(run, RECORD_LINK);
	adopt_service(run, RECORD_QREXEC);
}

void
run_services_stop(struct run *run)
{
	AUTO_FREE char *path = link_path(run);

	for (int kind = 0; kind < RECORD_PROCESS_MAX; kind++) {
		struct run_service *service = &run->services[kind];

		if (service->restart != NULL)
			loop_timer_stop(service->restart);
		if (service->process != NULL)
			host_process_stop(service->process);
	}
	if (run->recorded)
		unlink(path);
}

bool
run_services_are_gone(const struct run *run)
{
	for (int kind = 0; kind < RECORD_PROCESS_MAX; kind++) {
		if (run->services[kind].process != NULL)
			return false;
	}
	return true;
}

void
run_services_destroy(struct run *run)
{
	for (int kind = 0; kind < RECORD_PROCESS_MAX; kind++) {
		host_process_destroy(run->services[kind].process);
		loop_timer_destroy(run->services[kind].restart);
	}
}

bool
lifecycle_is_call_daemon(const struct lifecycle *l, pid_t pid)
{
	const struct run *run;

	list_for_each (run, &l->runs, link) {
		if (pid > 0 && run->record.processes[RECORD_QREXEC].pid == pid)
			return true;
	}
	return false;
}
