/* The host's swap areas, looked at from /proc and /sys; see host_swap.h. */
#include "base/host_swap.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#define SWAPS "/proc/swaps"
#define DEVICES "/sys/dev/block"
#define SWAPS_MAX 65536
/* Volumes on volumes on a partition. */
#define DEPTH_MAX 8

static bool is_protected(const char *device, unsigned int depth);

static bool
file_begins_with(const char *directory, const char *name, const char *beginning)
{
	AUTO_FREE char *path = path_join(directory, name);
	AUTO_FREE char *text = NULL;

	return read_file(path, PATH_MAX, &text, NULL, NULL) == 0 &&
	       text_starts_with(text, beginning);
}

/* A device that lies on others is as good as the worst of them. */
static bool
are_slaves_protected(const char *device, unsigned int depth)
{
	AUTO_FREE char *path = path_join(device, "slaves");
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;
	bool result = true;

	while (directory != NULL && result && (entry = readdir(directory)) != NULL) {
		AUTO_FREE char *slave = path_join(path, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		count++;
		result = is_protected(slave, depth + 1);
	}
	if (directory != NULL)
		closedir(directory);
	return result && count > 0;
}

static bool
is_protected(const char *device, unsigned int depth)
{
	AUTO_FREE char *real = realpath(device, NULL);
	const char *name = real != NULL ? strrchr(real, '/') + 1 : "";

	if (depth >= DEPTH_MAX)
		return false;
	if (file_begins_with(device, "dm/uuid", "CRYPT-"))
		return true;
	/* zram may put a part of it on a disk. */
	if (text_starts_with(name, "zram"))
		return !file_begins_with(device, "backing_dev", "/");
	return are_slaves_protected(device, depth);
}

/* The device that an area is, or that its file is on. */
static bool
is_area_protected(const char *area, const char *devices_path)
{
	AUTO_FREE char *numbers = NULL, *device = NULL;
	struct stat st;
	dev_t number;

	if (stat(area, &st) < 0)
		return false;
	number = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	numbers = text_format("%u:%u", major(number), minor(number));
	device = path_join(devices_path, numbers);
	return is_protected(device, 0);
}

/* The kernel writes blanks in names as a backslash and three octal digits. */
static void
unescape(char *name)
{
	char *to = name;

	for (const char *from = name; *from != '\0'; to++) {
		if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

char *
host_swap_in_clear_at(const char *swaps_path, const char *devices_path)
{
	AUTO_FREE char *text = NULL;
	char *rest, *line;

	/* A kernel without swap has no such file. */
	if (read_file(swaps_path, SWAPS_MAX, &text, NULL, NULL) < 0)
		return NULL;
	rest = text;
	(void)strsep(&rest, "\n"); /* the heading */
	while ((line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, " \t")] = '\0';
		if (line[0] == '\0')
			continue;
		unescape(line);
		if (!is_area_protected(line, devices_path))
			return text_copy(line);
	}
	return NULL;
}

char *
host_swap_in_clear(void)
{
	return host_swap_in_clear_at(SWAPS, DEVICES);
}
