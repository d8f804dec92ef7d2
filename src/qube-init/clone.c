/* Waiting to be cloned, and becoming somebody; see clone.h. */
#include "qube-init/clone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "qube-init/cmdline.h"
#include "qube-init/identity.h"
#include "qube-init/setup.h"

#define READY "ready\n"
#define IDENTITY_DIRECTORY "/run/bulkhead"
/*
 * The firmware's way to say that the VM generation id is another one. What the id is for, a copy
 * does by itself, and so it may hear of it later: the interpreter of the firmware's language is a
 * lot of code.
 */
#define GENERATION_EVENT "/sys/firmware/acpi/interrupts/gpe05"
/* A port whose host end is away reads as ended: it is looked at again after so long. */
#define PORT_PAUSE_MS 10

bool
clone_is_wanted(void)
{
	char value[16];

	return cmdline_get("bulkhead.clone", value, sizeof value) == 0 && text_equal(value, "wait");
}

void
clone_warm_up(void)
{
	static const char *const programs[] = {"/usr/lib/bulkhead/vchan-linkd",
		"/usr/lib/bulkhead/qrexec-agent", "/usr/lib/bulkhead/qrexec-fork-server",
		"/usr/lib/bulkhead/qrexec-session", "/bin/sh", "/bin/bash", "/usr/bin/cat",
		"/usr/bin/busybox"};
	char piece[65536];

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		AUTO_FD int fd = open(programs[i], O_RDONLY | O_CLOEXEC);

		while (fd >= 0 && read(fd, piece, sizeof piece) > 0)
			;
	}
}

/* Ports are known by their names; their numbers move with the devices that a qube has. */
static int
open_port(struct err *err)
{
	static const char list[] = "/sys/class/virtio-ports";
	DIR *directory = opendir(list);
	struct dirent *entry;
	int fd = -1;

	while (directory != NULL && fd < 0 && (entry = readdir(directory)) != NULL) {
		AUTO_FREE char *name_path = text_format("%s/%s/name", list, entry->d_name);
		AUTO_FREE char *device = text_format("/dev/%s", entry->d_name);
		AUTO_FREE char *name = NULL;
		size_t size;

		if (entry->d_name[0] == '.' || read_file(name_path, 256, &name, &size, NULL) < 0)
			continue;
		name[strcspn(name, "\n")] = '\0';
		if (text_equal(name, IDENTITY_PORT))
			fd = open(device, O_RDWR | O_CLOEXEC);
	}
	if (directory != NULL)
		closedir(directory);
	if (fd < 0)
		return err_set(err, ENOENT, "no port '%s'", IDENTITY_PORT);
	return fd;
}

static int
read_port(int fd, void *data, size_t size, struct err *err)
{
	for (size_t done = 0; done < size;) {
		ssize_t count = read(fd, (char *)data + done, size - done);

		if (count > 0)
			done += (size_t)count;
		else if (count < 0 && errno != EINTR && errno != EAGAIN)
			return err_set_errno(err, errno, "port '%s'", IDENTITY_PORT);
		else if (count <= 0)
			(void)poll(NULL, 0, PORT_PAUSE_MS);
	}
	return 0;
}

static int
receive(int fd, struct identity *identity, struct err *err)
{
	char text[IDENTITY_TEXT_MAX];
	uint8_t length[4];
	uint32_t size;
	int result;

	if (read_port(fd, length, sizeof length, err) < 0)
		return -1;
	size = (uint32_t)length[0] | (uint32_t)length[1] << 8 | (uint32_t)length[2] << 16 |
	       (uint32_t)length[3] << 24;
	if (size > sizeof text)
		return err_set(err, EMSGSIZE, "identity: too long");
	if (read_port(fd, text, size, err) < 0)
		return -1;
	result = identity_parse(text, size, identity, err);
	explicit_bzero(text, sizeof text);
	return result;
}

/* From here on the kernel's random numbers are this clone's alone. */
static int
reseed(int fd, struct identity *identity, struct err *err)
{
	_Alignas(struct rand_pool_info)
		uint8_t space[sizeof(struct rand_pool_info) + IDENTITY_ENTROPY_BYTES] = {0};
	struct rand_pool_info *pool = (void *)space;
	int failed;

	pool->entropy_count = 8 * IDENTITY_ENTROPY_BYTES;
	pool->buf_size = IDENTITY_ENTROPY_BYTES;
	memcpy(pool->buf, identity->entropy, IDENTITY_ENTROPY_BYTES);
	explicit_bzero(identity->entropy, sizeof identity->entropy);
	failed = ioctl(fd, RNDADDENTROPY, pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0;
	explicit_bzero(space, sizeof space);
	return failed ? err_set_errno(err, errno, "cannot reseed the random numbers") : 0;
}

static int
set_clock(uint64_t time_ns, struct err *err)
{
	const uint64_t second = 1000U * 1000 * 1000;
	struct timespec now = {
		.tv_sec = (time_t)(time_ns / second), .tv_nsec = (long)(time_ns % second)};

	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		return err_set_errno(err, errno, "cannot set the clock");
	return 0;
}

/*
 * A file that says who the qube is, covered by one of ours. That is done before the freezing; a
 * copy has only to write into it.
 */
static int
cover(const char *name, const char *target, struct err *err)
{
	AUTO_FREE char *path = text_format("%s/%s", IDENTITY_DIRECTORY, name);
	AUTO_FREE char *held = NULL;
	AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
	size_t size = 0;

	if (fd < 0)
		return err_set_errno(err, errno, "file '%s': cannot create", path);
	if (read_file(target, IDENTITY_TEXT_MAX, &held, &size, NULL) == 0 &&
		write_all(fd, held, size) < 0)
		return err_set_errno(err, errno, "file '%s': cannot write", path);
	if (mount(path, target, NULL, MS_BIND, NULL) < 0)
		return err_set_errno(err, errno, "cannot cover '%s'", target);
	return steal_fd(&fd);
}

/* Some boots have it as a mount: what lies under it is the template's. */
static int
cover_machine_id(struct err *err)
{
	static const char path[] = "/etc/machine-id";
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);

	if (fd < 0 && errno != EROFS)
		return err_set_errno(err, errno, "file '%s': cannot create", path);
	if (fd >= 0)
		close(fd);
	return cover("machine_id", path, err);
}

static int
write_covered(int fd, const char *text, struct err *err)
{
	char line[IDENTITY_TEXT_MAX];
	int length = snprintf(line, sizeof line, "%s\n", text);

	if (length < 0 || (size_t)length >= sizeof line ||
		pwrite(fd, line, (size_t)length, 0) != length || ftruncate(fd, length) < 0)
		return err_set_errno(err, errno, "a file that says who the qube is");
	return 0;
}

static int
set_machine_id(int fd, const char *command_line, struct err *err)
{
	char id[33];

	if (cmdline_find(command_line, "systemd.machine_id", id, sizeof id) < 0 ||
		strlen(id) != sizeof id - 1)
		return err_set(err, EINVAL, "identity: no machine id");
	return write_covered(fd, id, err);
}

static int
become(const struct clone *clone, struct identity *identity, struct err *err)
{
	struct qube_config config = {0};

	if (reseed(clone->random_fd, identity, err) < 0 || set_clock(identity->time_ns, err) < 0 ||
		write_covered(clone->command_line_fd, identity->command_line, err) < 0 ||
		write_covered(clone->boot_id_fd, identity->boot_id, err) < 0 ||
		set_machine_id(clone->machine_id_fd, identity->command_line, err) < 0 ||
		qube_config_parse(identity->command_line, &config, err) < 0)
		return -1;
	return host_name_set(&clone->host_name, config.name, err);
}

static void
set_generation_event(const char *word)
{
	AUTO_FD int fd = open(GENERATION_EVENT, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write_all(fd, word, strlen(word)) < 0)
		log_warning("file '" GENERATION_EVENT "': cannot write");
}

void
clone_hear_of_generation(void)
{
	if (access(IDENTITY_DIRECTORY "/boot_id", F_OK) == 0)
		set_generation_event("unmask\n");
}

int
clone_prepare(struct clone *ret_clone, struct err *err)
{
	struct clone clone = {-1, -1, -1, -1, -1, {-1, -1, 0}};

	if (make_directories(IDENTITY_DIRECTORY, 0755, err) < 0)
		return -1;
	clone.port_fd = open_port(err);
	if (clone.port_fd < 0)
		return -1;
	clone.random_fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
	if (clone.random_fd < 0)
		return err_set_errno(err, errno, "/dev/urandom");
	clone.command_line_fd = cover("cmdline", "/proc/cmdline", err);
	if (clone.command_line_fd < 0)
		return -1;
	clone.boot_id_fd = cover("boot_id", "/proc/sys/kernel/random/boot_id", err);
	if (clone.boot_id_fd < 0)
		return -1;
	clone.machine_id_fd = cover_machine_id(err);
	if (clone.machine_id_fd < 0 || host_name_open(&clone.host_name, err) < 0)
		return -1;
	set_generation_event("mask\n");
	*ret_clone = clone;
	return 0;
}

int
clone_wait(const struct clone *clone, struct err *err)
{
	struct identity identity = {0};
	int result;

	/* Here it is frozen. Everything from the first byte of the answer on is a clone's. */
	if (write_all(clone->port_fd, READY, strlen(READY)) < 0)
		return err_set_errno(err, errno, "port '%s'", IDENTITY_PORT);
	result = receive(clone->port_fd, &identity, err);
	if (result == 0)
		result = become(clone, &identity, err);
	explicit_bzero(&identity, sizeof identity);
	return result;
}
