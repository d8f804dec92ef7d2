/* The device of the window memory: ivshmem-plain, without a driver; see memory_device.h. */
#include "gui/agent/memory_device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#define DEVICES "/sys/bus/pci/devices"
#define VENDOR "0x1af4\n"
#define DEVICE "0x1110\n"

static bool
has_value(const char *directory, const char *name, const char *value)
{
	AUTO_FREE char *path = path_join(directory, name);
	AUTO_FREE char *text = NULL;

	return read_file(path, 64, &text, NULL, NULL) == 0 && text_equal(text, value);
}

static int
switch_on(const char *directory, struct err *err)
{
	AUTO_FREE char *path = path_join(directory, "enable");
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		return err_set_errno(err, errno, "window memory: '%s' cannot be switched on", path);
	return 0;
}

/* Write-combining where the processor knows it: pixels are only written, in ascending order. */
static int
open_memory(const char *directory, struct err *err)
{
	AUTO_FREE char *combining = path_join(directory, "resource2_wc");
	AUTO_FREE char *plain = path_join(directory, "resource2");
	int fd = open(combining, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fd = open(plain, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err_set_errno(err, errno, "window memory: '%s' cannot be opened", plain);
	return fd;
}

int
memory_device_open(struct err *err)
{
	AUTO_FREE char *devices = root_path(DEVICES);
	DIR *list = opendir(devices);
	struct dirent *entry;
	int fd = -1;

	err_set(err, ENODEV, "window memory: there is none");
	while (list != NULL && fd < 0 && (entry = readdir(list)) != NULL) {
		AUTO_FREE char *device = path_join(devices, entry->d_name);

		if (has_value(device, "vendor", VENDOR) && has_value(device, "device", DEVICE) &&
			switch_on(device, err) == 0)
			fd = open_memory(device, err);
	}
	if (list != NULL)
		closedir(list);
	return fd;
}
