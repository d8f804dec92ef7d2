/*
 * The first process of a qube without systemd: mounts what programs expect, makes the qube itself
 * (setup.h), keeps the agents running, reaps orphans, and ends the qube when its power button is
 * pressed or a program of the qube's root asks for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "qube-init/clone.h"
#include "qube-init/disks.h"
#include "qube-init/power.h"
#include "qube-init/rest.h"
#include "qube-init/services.h"
#include "qube-init/setup.h"

/* How long processes have to end by themselves. */
#define STOP_TIMEOUT_MS 5000
/* What is started before a freezing has this long to come to rest. */
#define IDLE_TIMEOUT_MS 20000
/* From the start of the agents on. */
#define PROCESSORS_DELAY_MS 2000
/* rc.local of a clone: after its first answer, if that comes at once. */
#define CLONE_LATE_DELAY_MS 1500

static struct loop *loop;

static void end_qube(int how);

/* The initramfs left some mounted. Creates the directory where it is missing. */
static bool
is_mounted(const char *target)
{
	AUTO_FREE char *above = text_format("%s/..", target);
	struct stat here, there;

	mkdir(target, 0755);
	return stat(target, &here) == 0 && stat(above, &there) == 0 && here.st_dev != there.st_dev;
}

static void
mount_filesystems(void)
{
	static const struct {
		const char *type, *target;
		unsigned long flags;
		const char *options;
	} mounts[] = {
		{"proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
		{"sysfs", "/sys", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
		{"devtmpfs", "/dev", MS_NOSUID, "mode=0755"},
		{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"},
		{"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777"},
		{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755"},
		{"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"},
	};

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		if (is_mounted(mounts[i].target))
			continue;
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags,
			    mounts[i].options) < 0)
			log_error("cannot mount '%s': %s", mounts[i].target, strerror(errno));
	}
}

/* The names that scripts of qubes know. */
static void
name_disks(void)
{
	static const char *const serials[] = {"root", "private", "volatile", "modules"};

	for (size_t i = 0; i < sizeof serials / sizeof *serials; i++) {
		char device[DISK_PATH_SIZE], name[] = "/dev/xvda";

		name[8] = (char)('a' + i);
		if (disk_find(serials[i], device, sizeof device) == 0 &&
			symlink(device + strlen("/dev/"), name) < 0 && errno != EEXIST)
			log_warning("cannot create '%s': %s", name, strerror(errno));
	}
}

static void
bring_up_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo"};

	AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return;
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		log_warning("cannot bring up the loopback interface: %s", strerror(errno));
}

static void
reap(void)
{
	int wait_status;
	pid_t pid;

	while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
		services_handle_end(pid, wait_status);
}

static void
handle_child(struct loop_signal *source, int signal_number, void *data)
{
	reap();
}

/* Leaves the loop with what reboot() is to be called with. */
static void
handle_power_signal(struct loop_signal *source, int signal_number, void *data)
{
	loop_quit(loop,
		signal_number == SIGTERM || signal_number == SIGINT ? RB_AUTOBOOT : RB_POWER_OFF);
}

static void
handle_button(struct loop_fd *source, uint32_t events, void *data)
{
	const int *fd = data;

	if ((events & EPOLLIN) != 0 && power_button_pressed(*fd))
		loop_quit(loop, RB_POWER_OFF);
	else if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		loop_fd_destroy(source);
}

static void
watch_power(void)
{
	/* What the usual poweroff and reboot programs send to the first process. */
	static const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
	static int buttons[POWER_BUTTONS_MAX];
	size_t count = power_open_buttons(buttons);

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		if (loop_signal_create(loop, signals[i], handle_power_signal, NULL) == NULL)
			fatal("out of memory");
	}
	if (count == 0)
		log_warning("no power button: the host can only kill this qube");
	for (size_t i = 0; i < count; i++) {
		if (loop_fd_create(loop, buttons[i], EPOLLIN, handle_button, &buttons[i]) == NULL)
			fatal("out of memory");
	}
}

/* Beside the agents, so in a process of its own. */
static void
start_setup(const char *step)
{
	const char *const argv[] = {"/usr/lib/bulkhead/qube-setup", step, NULL};
	const struct child_fd fds[] = {{STDERR_FILENO, STDERR_FILENO}};
	struct child_config child = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;

	child.argv = argv;
	child.fds = fds;
	child.fd_count = 1;
	if (child_start(&child, &err) < 0)
		log_error("%s", err_message(&err));
}

static void
handle_settled(struct loop_timer *timer, void *data)
{
	loop_timer_destroy(timer);
	start_setup(data);
}

static void
start_setup_later(char *step, uint64_t delay_ms)
{
	struct loop_timer *timer = loop_timer_create(loop, handle_settled, step);

	if (timer == NULL)
		fatal("out of memory");
	loop_timer_start(timer, delay_ms);
}

/* A processor that comes up holds the others for a moment: the first answers come before it. */
static void
start_late_steps(bool is_clone)
{
	static char late[] = "late", processors[] = "processors";

	if (is_clone)
		start_setup_later(late, CLONE_LATE_DELAY_MS);
	else
		start_setup(late);
	start_setup_later(processors, PROCESSORS_DELAY_MS);
}

static void
run_setup(const char *step, const char *argument)
{
	const char *const argv[] = {"/usr/lib/bulkhead/qube-setup", step, argument, NULL};
	AUTO_ERR struct err err = ERR_INIT;

	if (setup_run(&err, argv) < 0)
		log_warning("%s", err_message(&err));
}

/*
 * A qube that is to be frozen does all that clones need not do again, its services started and
 * idle; each clone goes on from here as somebody. Without an identity nothing may run.
 */
static void
wait_to_be_cloned(void)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct clone clone;

	run_setup("resize", "root");
	clone_warm_up();
	rest_await_idle(IDLE_TIMEOUT_MS);
	if (clone_prepare(&clone, &err) == 0) {
		sync();
		services_hold(true);
		if (clone_wait(&clone, &err) == 0) {
			services_hold(false);
			return;
		}
	}
	log_error("%s", err_message(&err));
	end_qube(RB_POWER_OFF);
}

/* Waits until no process is left, or the time is over. */
static void
wait_for_processes(uint64_t timeout_ms)
{
	static const struct timespec step = {.tv_nsec = 20L * 1000 * 1000};
	uint64_t end = loop_now_ms() + timeout_ms;

	for (;;) {
		sigset_t child;
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid > 0)
			continue;
		if ((pid < 0 && errno == ECHILD) || loop_now_ms() >= end)
			return;
		sigemptyset(&child);
		sigaddset(&child, SIGCHLD);
		sigtimedwait(&child, NULL, &step);
	}
}

static void
end_qube(int how)
{
	static const char *const mounts[] = {"/home", "/usr/local", "/rw"};

	log_info("the qube stops");
	services_stop();
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	wait_for_processes(STOP_TIMEOUT_MS);
	kill(-1, SIGKILL);
	wait_for_processes(STOP_TIMEOUT_MS);
	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++)
		umount2(mounts[i], MNT_DETACH);
	sync();
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		log_warning("cannot make the root read-only: %s", strerror(errno));
	reboot(how);
}

int
main(void)
{
	struct qube_config config = {0};
	AUTO_ERR struct err err = ERR_INIT;
	bool is_clone;
	int how;

	log_init("init");
	if (getpid() != 1)
		fatal("must be the first process of a qube");
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	/* The agent may be quicker than linkd, and must not take that for a world without links. */
	setenv("VCHAN_TRANSPORT", "link", 1);
	umask(022);
	mount_filesystems();
	loop = loop_create();
	if (loop == NULL || loop_signal_create(loop, SIGCHLD, handle_child, NULL) == NULL)
		fatal("cannot create the event loop: %s", strerror(errno));
	name_disks();
	bring_up_loopback();
	if (qube_config_read(&config, &err) < 0 || setup_qube(&config, &err) < 0) {
		log_error("%s", err_message(&err));
		end_qube(RB_POWER_OFF);
	}
	/* A session of the default user is ready before the first call. */
	setenv("QREXEC_SESSION", config.user, 1);
	services_start(loop);
	is_clone = clone_is_wanted();
	watch_power();
	if (is_clone)
		wait_to_be_cloned();
	start_late_steps(is_clone);
	reap();
	how = loop_run(loop);
	end_qube(how < 0 ? RB_POWER_OFF : how);
	return 1;
}
