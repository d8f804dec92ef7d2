/* The directory of kernels; see kernel.h. Runs in bulkheadd. */
#include "admin/storage/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/storage/rows.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

bool
kernel_version_valid(const char *version)
{
	return version[0] != '\0' && version[0] != '.' && version[0] != '-' &&
	       strlen(version) <= KERNEL_VERSION_MAX && text_only_has(version, ".+-_~");
}

static char *
path_if_there(const char *version, const char *name)
{
	AUTO_FREE char *path = root_path("%s/%s/%s", KERNEL_DIRECTORY, version, name);

	return access(path, F_OK) == 0 ? steal_ptr(path) : NULL;
}

int
kernel_find(const char *version, struct kernel_files *ret_files, struct err *err)
{
	struct kernel_files files = {0};

	if (kernel_version_valid(version))
		files.vmlinuz = path_if_there(version, "vmlinuz");
	if (files.vmlinuz == NULL) {
		AUTO_FREE char *directory = root_path("%s", KERNEL_DIRECTORY);

		err_set_kind(err, STORAGE_ERROR, ENOENT, "kernel '%s' is not installed in '%s'",
			version, directory);
		return -1;
	}
	files.vmlinux = path_if_there(version, "vmlinux");
	files.initramfs = path_if_there(version, "initramfs");
	files.modules = path_if_there(version, "modules.img");
	*ret_files = files;
	return 0;
}

void
kernel_files_finish(struct kernel_files *files)
{
	free(files->vmlinuz);
	free(files->vmlinux);
	free(files->initramfs);
	free(files->modules);
	*files = (struct kernel_files){0};
}

int
kernel_add_modules(const struct kernel_files *files, struct disk_images *images, struct err *err)
{
	AUTO_FD int fd = -1;
	struct disk_image *image;
	struct stat st;

	if (files->modules == NULL)
		return 0;
	if (images->count == DISK_IMAGES_MAX)
		return err_set(err, ENOBUFS, "too many disks");
	fd = open(files->modules, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "kernel modules '%s'", files->modules);
	image = &images->images[images->count++];
	snprintf(image->name, sizeof(image->name), "modules");
	image->read_only = true;
	image->size_bytes = (uint64_t)st.st_size;
	image->files[image->file_count++] = (struct disk_file){steal_fd(&fd), DISK_FORMAT_RAW};
	return 0;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
kernel_list(char ***ret_versions, struct err *err)
{
	AUTO_FREE char *path = root_path("%s", KERNEL_DIRECTORY);
	char **versions = xcalloc(1, sizeof(*versions));
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		struct kernel_files files;
		char **more;

		if (!kernel_version_valid(entry->d_name) ||
			kernel_find(entry->d_name, &files, NULL) < 0)
			continue;
		kernel_files_finish(&files);
		more = reallocarray(versions, count + 2, sizeof(*versions));
		if (more == NULL)
			break;
		versions = more;
		versions[count++] = text_copy(entry->d_name);
		versions[count] = NULL;
	}
	if (directory != NULL)
		closedir(directory);
	qsort(versions, count, sizeof(*versions), compare_texts);
	*ret_versions = versions;
	return 0;
}
