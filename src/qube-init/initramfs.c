/*
 * What the kernel runs first in every qube: loads the few drivers that a disk and the link to
 * the host need, mounts the root file system and hands over to the root's own init. One static
 * program, because every process costs under software emulation. Libc only.
 *
 * The host composed the command line and this archive; nothing read here is hostile but the
 * content of the disks, which only the kernel's file system code sees.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "qube-init/cmdline.h"
#include "qube-init/disks.h"

#define NEW_ROOT "/root"
#define MODULE_LIST "/modules/order"
#define DISK_TIMEOUT_MS 20000

/* Ends the qube with the reason as the last line on its console. */
static void __attribute__((format(printf, 1, 2), noreturn)) give_up(const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	fprintf(stderr, "initramfs: %s\n", text);
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void
mount_kernel_filesystems(void)
{
	static const struct {
		const char *type, *target;
	} mounts[] = {{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}};

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type,
			    MS_NOSUID | (i == 0 ? 0 : MS_NOEXEC | MS_NODEV), NULL) < 0)
			give_up("cannot mount '%s': %s", mounts[i].target, strerror(errno));
	}
}

/* A module that does not load is reported; the disk that is then missing ends the boot. */
static void
load_modules(void)
{
	FILE *list = fopen(MODULE_LIST, "re");
	char path[256];

	if (list == NULL)
		return;
	while (fgets(path, sizeof path, list) != NULL) {
		int fd;

		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			fprintf(stderr, "initramfs: module '%s': %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	fclose(list);
}

static int
open_kernel_events(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		give_up("cannot listen to the kernel's device events: %s", strerror(errno));
	return fd;
}

static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
root_device(char *ret_path, size_t size)
{
	char wanted[DISK_PATH_SIZE], disk[DISK_PATH_SIZE];

	if (cmdline_get("root", wanted, sizeof wanted) == 0 && strncmp(wanted, "/dev/", 5) == 0 &&
		strncmp(wanted, "/dev/mapper/", 12) != 0) {
		snprintf(ret_path, size, "%s", wanted);
		return access(wanted, F_OK) == 0;
	}
	return disk_find("root", disk, sizeof disk) == 0 &&
	       disk_find_root_filesystem(disk, ret_path, size) == 0;
}

/* Devices appear while drivers probe: looks again after each event of the kernel. */
static void
wait_for_root_device(int events_fd, char *ret_path, size_t size)
{
	long end = now_ms() + DISK_TIMEOUT_MS;

	while (!root_device(ret_path, size)) {
		struct pollfd waiting = {.fd = events_fd, .events = POLLIN};
		long left = end - now_ms();
		char event[8192];

		if (left <= 0)
			give_up("no disk with the serial 'root' after %d s",
				DISK_TIMEOUT_MS / 1000);
		poll(&waiting, 1, (int)left);
		while (read(events_fd, event, sizeof event) > 0)
			;
	}
}

/* Modules of the host's kernel, for a root that does not have its own. */
static void
mount_modules(void)
{
	char device[DISK_PATH_SIZE], path[256];
	struct utsname kernel;

	uname(&kernel);
	snprintf(path, sizeof path, NEW_ROOT "/lib/modules/%s/kernel", kernel.release);
	if (access(path, F_OK) == 0 || disk_find("modules", device, sizeof device) != 0)
		return;
	if (mount(device, NEW_ROOT "/lib/modules", "ext4", MS_RDONLY | MS_NODEV | MS_NOSUID, NULL) <
		0)
		fprintf(stderr, "initramfs: cannot mount the modules disk '%s': %s\n", device,
			strerror(errno));
}

/* The archive lives in memory: what is left behind would stay there for good. */
static void
free_archive(void)
{
	DIR *directory = opendir("/modules");
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
		unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory != NULL)
		closedir(directory);
	rmdir("/modules");
	unlink("/init");
}

static void
switch_root(void)
{
	static const char *const kept[] = {"/dev", "/proc", "/sys"};

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		char target[32];

		snprintf(target, sizeof target, NEW_ROOT "%s", kept[i]);
		if (mount(kept[i], target, NULL, MS_MOVE, NULL) < 0)
			give_up("cannot move '%s' into the root file system: %s", kept[i],
				strerror(errno));
	}
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
		chdir("/") < 0)
		give_up("cannot change to the root file system: %s", strerror(errno));
}

int
main(void)
{
	char device[DISK_PATH_SIZE], init[256];
	int events_fd;

	mount_kernel_filesystems();
	if (cmdline_get("init", init, sizeof init) != 0)
		snprintf(init, sizeof init, "/sbin/init");
	events_fd = open_kernel_events();
	load_modules();
	wait_for_root_device(events_fd, device, sizeof device);
	close(events_fd);

	mkdir(NEW_ROOT, 0755);
	if (mount(device, NEW_ROOT, "ext4", MS_NOATIME, "discard,noinit_itable") < 0)
		give_up("cannot mount the root disk '%s': %s", device, strerror(errno));
	mount_modules();
	free_archive();
	switch_root();
	execl(init, init, (char *)NULL);
	give_up("cannot start '%s': %s", init, strerror(errno));
}
