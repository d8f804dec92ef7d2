/*
 * Bringing a QEMU process up, and taking one up again that another daemon started. Runs in
 * bulkheadd. The process gets descriptors, no files: its sockets are made here, listening, before
 * it starts, so that there is nothing to wait for.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/hypervisor/command_line.h"
#include "admin/hypervisor/host_counter.h"
#include "admin/hypervisor/qemu.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/local_connect.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

/* What QEMU takes beside the qube's memory. */
#define QEMU_OVERHEAD_MIB 64

static int
check_config(const struct machine_config *config, struct err *err)
{
	uint64_t available = host_memory_available_mib();

	if (config->memory_mib < MACHINE_MEMORY_MIB_MIN ||
		config->memory_mib > MACHINE_MEMORY_MIB_MAX)
		return err_set(err, EINVAL, "machine of '%s': memory of %u MiB is out of range",
			config->name, config->memory_mib);
	if (config->vcpus < 1 || config->vcpus > MACHINE_VCPUS_MAX)
		return err_set(err, EINVAL, "machine of '%s': %u vcpus are out of range",
			config->name, config->vcpus);
	if (available != 0 && config->memory_mib + QEMU_OVERHEAD_MIB > available)
		return err_set_kind(err, "QubesMemoryError", ENOMEM,
			"Not enough memory to start domain '%s'", config->name);
	return 0;
}

/* A listening socket in the run directory, for us alone. */
static int
listen_at(const char *run_directory, const char *name, struct err *err)
{
	AUTO_FREE char *path = path_join(run_directory, name);

	return socket_listen(path, 0600, err);
}

static int
connect_to(const char *run_directory, const char *name, struct err *err)
{
	AUTO_FREE char *path = path_join(run_directory, name);

	return local_connect(path, err);
}

static int
open_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, errno, "'%s': cannot open", path);
	return fd;
}

/* Translated code starts faster from the uncompressed kernel; the CPU keeps KASLR's help. */
static const char *
choose_kernel(const struct machine_config *config, enum acceleration acceleration)
{
	if (acceleration == ACCELERATION_TCG && config->kernel_elf != NULL)
		return config->kernel_elf;
	return config->kernel;
}

/* Under a qube's user QEMU may open /dev/kvm only as a member of its group. */
static gid_t
choose_group(const struct machine_config *config, enum acceleration acceleration)
{
	struct stat st;

	if (acceleration == ACCELERATION_KVM && stat("/dev/kvm", &st) == 0 &&
		(st.st_mode & 0006) != 0006)
		return st.st_gid;
	return config->gid;
}

static pid_t
start_process(struct qemu_machine *m, const struct machine_config *config,
	const struct hypervisor *h, const struct command_line_fds *fds, struct err *err)
{
	const struct command_line_processor processor = {
		h->acceleration, host_counter_khz(h->counter, host_counter_read())};
	struct command_line line;
	struct child_config child = CHILD_CONFIG_INIT;
	pid_t pid;

	if (command_line_build(&line, config, &processor, fds, err) < 0)
		return -1;
	child.argv = (const char *const *)line.argv;
	child.directory = config->run_directory;
	child.fds = line.fds;
	child.fd_count = line.fd_count;
	/* Copies are many and mostly idle: each is to cost what it touches. */
	child.small_pages = config->memory != NULL && config->memory->is_copy;
	if (geteuid() == 0 && config->uid != (uid_t)-1) {
		child.uid = config->uid;
		child.gid = choose_group(config, h->acceleration);
	}
	pid = child_start(&child, err);
	/* A core of it would be the qube's memory in a file. */
	if (pid > 0)
		(void)prlimit(pid, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL);
	m->device_target = line.device_target;
	m->is_copy = config->memory != NULL && config->memory->is_copy;
	command_line_finish(&line);
	return pid;
}

static int
open_kernel(const struct machine_config *config, enum acceleration acceleration,
	struct command_line_fds *fds, struct err *err)
{
	const char *kernel = choose_kernel(config, acceleration);

	if (kernel == NULL)
		return 0;
	fds->kernel = open_file(kernel, err);
	if (fds->kernel < 0)
		return -1;
	if (config->initramfs == NULL)
		return 0;
	fds->initramfs = open_file(config->initramfs, err);
	return fds->initramfs < 0 ? -1 : 0;
}

static int
open_sockets(const struct machine_config *config, struct command_line_fds *fds, struct err *err)
{
	const char *directory = config->run_directory;

	fds->qmp = listen_at(directory, MACHINE_SOCKET_QMP, err);
	if (fds->qmp < 0)
		return -1;
	fds->console = listen_at(directory, MACHINE_SOCKET_CONSOLE, err);
	if (fds->console < 0)
		return -1;
	fds->link = listen_at(directory, MACHINE_SOCKET_LINK, err);
	if (fds->link < 0 || config->memory == NULL)
		return fds->link < 0 ? -1 : 0;
	fds->identity = listen_at(directory, MACHINE_SOCKET_IDENTITY, err);
	return fds->identity < 0 ? -1 : 0;
}

static void
close_fds(struct command_line_fds *fds)
{
	int all[] = {fds->qmp, fds->link, fds->console, fds->kernel, fds->initramfs, fds->errors,
		fds->identity};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] >= 0)
			close(all[i]);
	}
}

/* The pipe for its last words: what we do not read in time, or at all, is not missed. */
static int
open_errors(struct qemu_machine *m, struct command_line_fds *fds, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set_errno(err, errno, "no pipe");
	m->errors_fd = ends[0];
	fds->errors = ends[1];
	return 0;
}

/* A machine's console is a help, not a need: it is worth a warning only. */
static void
open_console(struct qemu_machine *m, const char *run_directory, const char *log_path)
{
	AUTO_ERR struct err err = ERR_INIT;
	int fd;

	if (log_path == NULL)
		return;
	fd = connect_to(run_directory, MACHINE_SOCKET_CONSOLE, &err);
	if (fd >= 0)
		m->console = console_create(m->base.loop, fd, log_path, &err);
	if (m->console == NULL)
		log_qube_message(LOG_LEVEL_WARNING, m->base.name, "%s", err_message(&err));
}

/* Everything before the process exists. */
static int
prepare(struct qemu_machine *m, const struct machine_config *config, enum acceleration acceleration,
	struct command_line_fds *fds, int *ret_qmp, struct err *err)
{
	if (open_kernel(config, acceleration, fds, err) < 0 || open_sockets(config, fds, err) < 0 ||
		open_errors(m, fds, err) < 0)
		return -1;
	*ret_qmp = connect_to(config->run_directory, MACHINE_SOCKET_QMP, err);
	if (*ret_qmp < 0)
		return -1;
	open_console(m, config->run_directory, config->console_log);
	return 0;
}

struct machine *
qemu_start(struct hypervisor *h, const struct machine_config *config, machine_handler handler,
	machine_done done, void *data, struct err *err)
{
	struct command_line_fds fds = {-1, -1, -1, -1, -1, -1, -1};
	struct qemu_machine *m;
	AUTO_FD int qmp_fd = -1;
	pid_t pid = -1;

	if (check_config(config, err) < 0)
		return NULL;
	m = qemu_create(h, config->name, handler, done, data);
	if (prepare(m, config, h->acceleration, &fds, &qmp_fd, err) == 0)
		pid = start_process(m, config, h, &fds, err);
	close_fds(&fds);
	if (pid < 0) {
		qemu_destroy(&m->base);
		return NULL;
	}
	if (qemu_watch(m, pid, err) < 0 || qemu_talk(m, steal_fd(&qmp_fd), err) < 0) {
		child_end(pid);
		qemu_destroy(&m->base);
		return NULL;
	}
	return &m->base;
}

/* The process that listens is the one that the kernel names at our end of the connection. */
static int
find_process(int qmp_fd, pid_t *ret_pid, struct err *err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(qmp_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 0)
		return err_set_errno(err, errno, "machine's process");
	*ret_pid = peer.pid;
	return 0;
}

struct machine *
qemu_adopt(struct hypervisor *h, const char *name, const char *run_directory,
	const char *console_log, pid_t pid, unsigned long long start_time, machine_handler handler,
	machine_done done, void *data, struct err *err)
{
	AUTO_FD int qmp_fd = connect_to(run_directory, MACHINE_SOCKET_QMP, err);
	bool is_known = pid != 0;
	struct qemu_machine *m;

	if (qmp_fd < 0) {
		/* The listening socket lives in the process alone. */
		if (err != NULL && (err->code == ECONNREFUSED || err->code == ENOENT))
			err_set(err, ESRCH, "machine of '%s' has gone", name);
		return NULL;
	}
	if (!is_known && find_process(qmp_fd, &pid, err) < 0)
		return NULL;
	m = qemu_create(h, name, handler, done, data);
	if (qemu_watch(m, pid, err) < 0 || qemu_talk(m, steal_fd(&qmp_fd), err) < 0) {
		qemu_destroy(&m->base);
		return NULL;
	}
	if (is_known && m->base.start_time != start_time) {
		qemu_destroy(&m->base);
		err_set(err, ESRCH, "machine of '%s' has gone", name);
		return NULL;
	}
	open_console(m, run_directory, console_log);
	return &m->base;
}
