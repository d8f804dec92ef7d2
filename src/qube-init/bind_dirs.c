/* Files and directories of the root that are kept on the private volume (spec guest.md 4.6). */
#include "qube-init/bind_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "qube-init/setup.h"

#define FILE_MAX ((size_t)64 * 1024)
#define KEPT "/rw/bind-dirs"

/* In this order, each in the order of its files' names. */
static const char *const patterns[] = {
	"/usr/lib/qubes-bind-dirs.d/*.conf",
	"/etc/qubes-bind-dirs.d/*.conf",
	"/rw/config/qubes-bind-dirs.d/*.conf",
};

/* What a shell makes of files that are more than lists. */
static const char shell_script[] =
	"binds=(); for file; do . \"$file\"; done; "
	"for path in \"${binds[@]}\"; do printf \"binds+=( '%s' )\\n\" \"$path\"; done";

static int
read_with_shell(const glob_t *files, struct bind_paths *paths, struct err *err)
{
	AUTO_FREE const char **argv = xcalloc(files->gl_pathc + 5, sizeof *argv);
	struct child_config child = CHILD_CONFIG_INIT;
	AUTO_FREE char *output = NULL;
	int status;

	argv[0] = "bash";
	argv[1] = "-c";
	argv[2] = shell_script;
	argv[3] = "bind-dirs";
	memcpy(argv + 4, files->gl_pathv, files->gl_pathc * sizeof *argv);
	child.argv = argv;
	status = child_run(&child, FILE_MAX, &output, err);
	if (status < 0)
		return -1;
	if (status != 0)
		return err_set(err, EINVAL, "bash: exit status %d", status);
	bind_paths_finish(paths);
	return bind_paths_parse(paths, output != NULL ? output : "", err);
}

static int
read_files(const glob_t *files, struct bind_paths *paths, struct err *err)
{
	for (size_t i = 0; i < files->gl_pathc; i++) {
		AUTO_FREE char *text = NULL;
		size_t size;

		if (read_file(files->gl_pathv[i], FILE_MAX, &text, &size, err) < 0)
			return -1;
		if (bind_paths_parse(paths, text, err) < 0)
			return read_with_shell(files, paths, err);
	}
	return 0;
}

static int
read_configuration(struct bind_paths *paths, struct err *err)
{
	glob_t files = {0};
	int result = 0;

	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		glob(patterns[i], i == 0 ? 0 : GLOB_APPEND, NULL, &files);
	if (files.gl_pathc > 0)
		result = read_files(&files, paths, err);
	globfree(&files);
	return result;
}

static int
make_parent(const char *path, struct err *err)
{
	AUTO_FREE char *copy = text_copy(path);

	return make_directories(dirname(copy), 0755, err);
}

/* The copy appears whole or not at all. */
static int
keep(const char *path, const char *kept, struct err *err)
{
	AUTO_FREE char *new_path = text_format("%s.new", kept);
	const char *const argv[] = {"cp", "-a", path, new_path, NULL};

	if (make_parent(kept, err) < 0 || remove_tree(new_path, err) < 0 ||
		setup_run(err, argv) < 0)
		return -1;
	if (rename(new_path, kept) < 0)
		return err_set_errno(err, errno, "cannot create '%s'", kept);
	return 0;
}

/* An empty file or directory to mount on. */
static int
make_target(const char *path, const struct stat *kept, struct err *err)
{
	if (make_parent(path, err) < 0)
		return -1;
	if (S_ISDIR(kept->st_mode)) {
		if (mkdir(path, 0755) < 0)
			return err_set_errno(err, errno, "cannot create '%s'", path);
	} else {
		AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0)
			return err_set_errno(err, errno, "cannot create '%s'", path);
	}
	if (lchown(path, kept->st_uid, kept->st_gid) < 0)
		return err_set_errno(err, errno, "cannot set the owner of '%s'", path);
	return 0;
}

static int
bind_one(const char *name, struct err *err)
{
	AUTO_FREE char *resolved = realpath(name, NULL);
	const char *path = resolved != NULL ? resolved : name;
	AUTO_FREE char *kept = text_format(KEPT "%s", path);
	struct stat path_status, kept_status;
	bool exists = lstat(path, &path_status) == 0;

	/* These two are on the private volume already. */
	if (text_starts_with(path, "/home/") || text_starts_with(path, "/usr/local/"))
		return 0;
	if (strstr(path, "/../") != NULL || text_ends_with(path, "/.."))
		return err_set(err, EINVAL, "the path leads upwards");
	if (lstat(kept, &kept_status) < 0) {
		if (!exists) {
			log_info("bind-dirs: '%s': does not exist, skipped", path);
			return 0;
		}
		if (keep(path, kept, err) < 0)
			return -1;
	} else if (!exists && make_target(path, &kept_status, err) < 0) {
		return -1;
	}
	if (mount(kept, path, NULL, MS_BIND, NULL) < 0)
		return err_set_errno(err, errno, "cannot mount '%s'", kept);
	return 0;
}

int
setup_bind_directories(struct err *err)
{
	struct bind_paths paths = {0};
	int result = read_configuration(&paths, err);

	/* One bad path does not take the others with it. */
	for (size_t i = 0; result == 0 && i < paths.count; i++) {
		AUTO_ERR struct err one = ERR_INIT;

		if (bind_one(paths.paths[i], &one) < 0)
			log_error("bind-dirs: '%s': %s", paths.paths[i], err_message(&one));
	}
	bind_paths_finish(&paths);
	return result < 0 ? err_wrap(err, "bind-dirs") : 0;
}
