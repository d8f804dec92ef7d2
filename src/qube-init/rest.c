/* A qube at rest; see rest.h. Runs as root in a qube that is to be frozen, and in its copies. */
#include "qube-init/rest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"

#define CGROUPS "/sys/fs/cgroup"
#define LOAD_FIELDS 7
#define LOAD_FIELD_IDLE 3
#define SAMPLE_MS 400
/* So many samples in a row, each with so little to do. */
#define IDLE_SAMPLES 3
#define IDLE_BUSY_PERCENT 12
#define HOLD_TIMEOUT_MS 10000
#define HOLD_STEP_MS 10

struct load {
	unsigned long long busy, total;
};

/*
 * The first line: "cpu", then the ticks of user, nice, system, idle, iowait, irq, softirq. Waiting
 * for a disk counts as busy: something is still going on.
 */
static int
read_load(struct load *ret_load)
{
	struct load load = {0};
	AUTO_FREE char *text = NULL;
	char *at, *end;
	size_t size;

	if (read_file("/proc/stat", 65536, &text, &size, NULL) < 0 || size < strlen("cpu"))
		return -1;
	at = text + strlen("cpu");
	for (int field = 0; field < LOAD_FIELDS; field++) {
		unsigned long long ticks = strtoull(at, &end, 10);

		if (end == at)
			return -1;
		at = end;
		load.total += ticks;
		if (field != LOAD_FIELD_IDLE)
			load.busy += ticks;
	}
	*ret_load = load;
	return 0;
}

void
rest_await_idle(uint64_t timeout_ms)
{
	uint64_t end = loop_now_ms() + timeout_ms;
	struct load before, after;
	int samples = 0;

	if (read_load(&before) < 0)
		return;
	while (samples < IDLE_SAMPLES && loop_now_ms() < end) {
		(void)poll(NULL, 0, SAMPLE_MS);
		if (read_load(&after) < 0)
			return;
		if ((after.busy - before.busy) * 100 <=
			(after.total - before.total) * IDLE_BUSY_PERCENT)
			samples++;
		else
			samples = 0;
		before = after;
	}
}

/* The first part of our path in the tree of control groups. */
static int
own_group(char *ret_name, size_t size, struct err *err)
{
	AUTO_FREE char *text = NULL;
	const char *path;
	size_t length;

	if (read_file("/proc/self/cgroup", 4096, &text, &length, err) < 0)
		return -1;
	path = strstr(text, "0::/");
	if (path == NULL)
		return err_set(err, ENOTSUP, "no control groups");
	path += strlen("0::/");
	length = strcspn(path, "/\n");
	if (length == 0 || length >= size)
		return err_set(err, ENOTSUP, "no control group of its own");
	memcpy(ret_name, path, length);
	ret_name[length] = '\0';
	return 0;
}

static int
write_state(const char *group, bool held, struct err *err)
{
	AUTO_FREE char *path = text_format(CGROUPS "/%s/cgroup.freeze", group);
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write_all(fd, held ? "1" : "0", 1) < 0)
		return err_set_errno(err, errno, "file '%s': cannot write", path);
	return 0;
}

static int
await_held(const char *group, struct err *err)
{
	AUTO_FREE char *path = text_format(CGROUPS "/%s/cgroup.events", group);
	uint64_t end = loop_now_ms() + HOLD_TIMEOUT_MS;

	for (;;) {
		AUTO_FREE char *text = NULL;
		size_t size;

		if (read_file(path, 4096, &text, &size, err) < 0)
			return -1;
		if (strstr(text, "frozen 1") != NULL)
			return 0;
		if (loop_now_ms() >= end)
			return err_set(err, ETIMEDOUT, "control group '%s': does not rest", group);
		(void)poll(NULL, 0, HOLD_STEP_MS);
	}
}

static int
hold_group(const char *group, struct err *err)
{
	if (write_state(group, true, err) < 0)
		return -1;
	return await_held(group, err);
}

static int
release_group(const char *group, struct err *err)
{
	return write_state(group, false, err);
}

/* Each directory at the top is a group; the processes at the root itself are the kernel's. */
static int
for_each_other(int (*act)(const char *group, struct err *err), struct err *err)
{
	char own[256];
	struct dirent *entry;
	DIR *directory;
	int result = 0;

	if (own_group(own, sizeof own, err) < 0)
		return -1;
	directory = opendir(CGROUPS);
	if (directory == NULL)
		return err_set_errno(err, errno, "directory '" CGROUPS "'");
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
			!text_equal(entry->d_name, own))
			result = act(entry->d_name, err);
	}
	closedir(directory);
	return result;
}

int
rest_hold_others(struct err *err)
{
	return for_each_other(hold_group, err);
}

int
rest_release_others(struct err *err)
{
	return for_each_other(release_group, err);
}
