/* Starts and reaps the processes of calls to dom0. Runs in qrexec-daemon and, from
 * service_process_main() on, in the process of one call. */
#include "qrexec/host/service_process.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/common/data_channel.h"
#include "qrexec/common/protocol.h"
#include "qrexec/host/service_endpoint.h"

#define OWN_PROGRAM "/proc/self/exe"

struct service_process {
	struct list link; /* service_processes.processes */
	struct loop_child *child;
};

void
service_processes_init(struct service_processes *p, struct loop *loop)
{
	p->loop = loop;
	list_init(&p->processes);
}

static void
forget(struct service_process *process)
{
	list_remove(&process->link);
	loop_child_destroy(process->child);
	free(process);
}

void
service_processes_finish(struct service_processes *p)
{
	struct service_process *process, *following;

	list_for_each_safe (process, following, &p->processes, link)
		forget(process);
}

static void
handle_exit(struct loop_child *child, int wait_status, void *data)
{
	(void)child;
	(void)wait_status;
	forget(data);
}

int
service_process_start(struct service_processes *p, int domain, int port, const char *peer_name,
	const char *command, struct err *err)
{
	AUTO_FREE char *domain_text = text_format("%d", domain);
	AUTO_FREE char *port_text = text_format("%d", port);
	const char *argv[] = {OWN_PROGRAM, SERVICE_PROCESS_OPTION, domain_text, port_text,
		peer_name, command, NULL};
	const struct child_fd fds[] = {{2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;
	struct service_process *process;
	pid_t pid;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = 1;
	pid = child_start(&config, err);
	if (pid < 0)
		return -1;
	process = xcalloc(1, sizeof(*process));
	list_init(&process->link);
	process->child = loop_child_create(p->loop, pid, handle_exit, process);
	if (process->child == NULL) {
		/* It runs, and only stays a zombie later: no reason to refuse the call. */
		log_warning("service process %d can not be watched", (int)pid);
		free(process);
		return 0;
	}
	list_append(&p->processes, &process->link);
	return 0;
}

int
service_process_main(int argc, char *const *argv)
{
	uint64_t domain, port;

	if (argc != 6 || text_parse_u64(argv[2], INT32_MAX, &domain) < 0 ||
		text_parse_u64(argv[3], QREXEC_PORT_MAX, &port) < 0)
		fatal("service process: arguments are not valid");
	log_set_qube(argv[4]);
	return service_endpoint_run(
		(int)domain, (int)port, argv[4], argv[5], DATA_CHANNEL_HELPER_WAIT_MS);
}
