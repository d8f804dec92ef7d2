#include "qube-init/disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_CLASS "/sys/class/block"
#define ROOT_PARTITION_NAME "Root filesystem"

/* First bytes of a small file of sysfs; false when it can not be read. */
static bool
read_attribute(const char *path, char *ret_text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, ret_text, size - 1);
	close(fd);
	if (got < 0)
		return false;
	ret_text[got] = '\0';
	return true;
}

int
disk_find(const char *serial, char *ret_path, size_t size)
{
	DIR *directory = opendir(BLOCK_CLASS);
	struct dirent *entry;
	int result = -ENOENT;

	if (directory == NULL)
		return -ENOENT;
	while (result != 0 && (entry = readdir(directory)) != NULL) {
		char path[512], found[32];

		snprintf(path, sizeof path, BLOCK_CLASS "/%s/serial", entry->d_name);
		if (!read_attribute(path, found, sizeof found))
			continue;
		found[strcspn(found, "\n")] = '\0';
		if (strcmp(found, serial) == 0 && strlen(entry->d_name) + 6 <= size) {
			snprintf(ret_path, size, "/dev/%s", entry->d_name);
			result = 0;
		}
	}
	closedir(directory);
	return result;
}

static bool
has_partition_name(const char *disk, const char *partition)
{
	char path[1024], text[512];
	const char *name;

	snprintf(path, sizeof path, BLOCK_CLASS "/%s/%s/uevent", disk, partition);
	if (!read_attribute(path, text, sizeof text))
		return false;
	name = strstr(text, "\nPARTNAME=");
	return name != NULL &&
	       strncmp(name + 10, ROOT_PARTITION_NAME "\n", sizeof ROOT_PARTITION_NAME) == 0;
}

static bool
is_third_partition(const char *disk, const char *partition)
{
	char path[1024], text[16];

	snprintf(path, sizeof path, BLOCK_CLASS "/%s/%s/partition", disk, partition);
	return read_attribute(path, text, sizeof text) && strcmp(text, "3\n") == 0;
}

int
disk_find_root_filesystem(const char *disk_path, char *ret_path, size_t size)
{
	const char *disk = strrchr(disk_path, '/');
	char directory_path[512], third[DISK_PATH_SIZE] = "", named[DISK_PATH_SIZE] = "";
	const char *choice;
	struct dirent *entry;
	DIR *directory;

	if (disk == NULL)
		return -ENOENT;
	disk++;
	snprintf(directory_path, sizeof directory_path, BLOCK_CLASS "/%s", disk);
	directory = opendir(directory_path);
	if (directory == NULL)
		return -ENOENT;
	while ((entry = readdir(directory)) != NULL) {
		if (strncmp(entry->d_name, disk, strlen(disk)) != 0 ||
			strlen(entry->d_name) + 6 > DISK_PATH_SIZE)
			continue;
		if (has_partition_name(disk, entry->d_name))
			snprintf(named, sizeof named, "/dev/%.58s", entry->d_name);
		if (is_third_partition(disk, entry->d_name))
			snprintf(third, sizeof third, "/dev/%.58s", entry->d_name);
	}
	closedir(directory);
	choice = named[0] != '\0' ? named : third[0] != '\0' ? third : disk_path;
	if (strlen(choice) >= size)
		return -ENOENT;
	memcpy(ret_path, choice, strlen(choice) + 1);
	return 0;
}
