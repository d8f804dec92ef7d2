/* The private volume: /rw, and what of it appears elsewhere (spec guest.md 4.5). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "qube-init/disks.h"
#include "qube-init/ext4.h"
#include "qube-init/setup.h"

/* What /rw/config starts with. */
static const struct {
	const char *name;
	mode_t mode;
	const char *text;
} first_files[] = {
	{"rc.local", 0755,
		"#!/bin/sh\n"
		"# Runs as root at the end of the qube's boot.\n"},
	{"qubes-firewall-user-script", 0755,
		"#!/bin/sh\n"
		"# Runs as root after the firewall's rules were set up.\n"},
	{"suspend-module-blacklist", 0644,
		"# Kernel modules to unload before the host sleeps, one a line.\n"},
};

/* The host reads unused space as zeroes, so nothing needs to be written to say so. */
static int
format_private(const struct qube_config *config, const char *device, struct err *err)
{
	const char *const with_journal[] = {"mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-E",
		"nodiscard,assume_storage_prezeroed=1", device, NULL};
	const char *const without_journal[] = {"mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-O",
		"^has_journal", "-E", "nodiscard,assume_storage_prezeroed=1", device, NULL};

	log_info("private volume '%s': never used, formatting", device);
	return setup_run(
		err, config->persistence == QUBE_PERSISTENCE_NONE ? without_journal : with_journal);
}

static void
check_private(const char *device)
{
	const char *const argv[] = {"e2fsck", "-p", device, NULL};
	AUTO_ERR struct err err = ERR_INIT;

	log_info("private volume '%s': was not left clean, checking", device);
	if (setup_run(&err, argv) < 0)
		log_warning("private volume '%s': %s", device, err_message(&err));
}

static void
grow(const char *device)
{
	const char *const argv[] = {"resize2fs", device, NULL};
	AUTO_ERR struct err err = ERR_INIT;

	if (setup_run(&err, argv) < 0)
		log_warning("private volume '%s': cannot grow: %s", device, err_message(&err));
}

static int
prepare(const struct qube_config *config, const char *device, struct disk_facts *facts,
	struct err *err)
{
	if (disk_examine(device, facts, err) < 0)
		return -1;
	switch (facts->content) {
	case DISK_CONTENT_EMPTY:
		return format_private(config, device, err);
	case DISK_CONTENT_DIRTY:
		check_private(device);
		return 0;
	case DISK_CONTENT_CLEAN:
		return 0;
	case DISK_CONTENT_OTHER:
		break;
	}
	return err_set(err, EINVAL,
		"private volume '%s': neither empty nor an ext4 file system: left as it is",
		device);
}

static int
make_first_files(struct err *err)
{
	if (mkdir("/rw/config", 0755) < 0)
		return errno == EEXIST ? 0
				       : err_set_errno(err, errno, "cannot create '/rw/config'");
	for (size_t i = 0; i < sizeof first_files / sizeof *first_files; i++) {
		AUTO_FREE char *path = path_join("/rw/config", first_files[i].name);

		AUTO_FD int fd =
			open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, first_files[i].mode);
		if (fd < 0 || write_all(fd, first_files[i].text, strlen(first_files[i].text)) < 0)
			return err_set_errno(err, errno, "cannot write '%s'", path);
	}
	return 0;
}

/* The template's /usr/local is the first content; the copy appears whole or not at all. */
static int
make_local(struct err *err)
{
	static const char *const argv[] = {"cp", "-a", "/usr/local.orig", "/rw/usrlocal.new", NULL};

	if (access("/rw/usrlocal", F_OK) == 0)
		return 0;
	if (remove_tree("/rw/usrlocal.new", err) < 0)
		return -1;
	if (access("/usr/local.orig", F_OK) == 0) {
		if (setup_run(err, argv) < 0)
			return -1;
	} else if (mkdir("/rw/usrlocal.new", 0755) < 0) {
		return err_set_errno(err, errno, "cannot create '/rw/usrlocal'");
	}
	if (rename("/rw/usrlocal.new", "/rw/usrlocal") < 0)
		return err_set_errno(err, errno, "cannot create '/rw/usrlocal'");
	return 0;
}

static int
bind(const char *source, const char *target, unsigned long flags, struct err *err)
{
	mkdir(target, 0755);
	if (mount(source, target, NULL, MS_BIND, NULL) < 0 ||
		mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0)
		return err_set_errno(err, errno, "cannot mount '%s' on '%s'", source, target);
	return 0;
}

int
setup_private(const struct qube_config *config, struct err *err)
{
	char device[DISK_PATH_SIZE];
	struct disk_facts facts;

	mkdir("/rw", 0755);
	if (disk_find("private", device, sizeof device) < 0)
		return err_set(err, ENOENT, "no disk with the serial 'private'");
	if (prepare(config, device, &facts, err) < 0)
		return -1;
	if (mount(device, "/rw", "ext4", MS_NOSUID | MS_NODEV, "discard") < 0)
		return err_set_errno(err, errno, "private volume '%s': cannot mount", device);
	if (disk_can_grow(&facts))
		grow(device);
	if (make_first_files(err) < 0 || make_local(err) < 0)
		return -1;
	if (mkdir("/rw/home", 0755) < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "cannot create '/rw/home'");
	if (bind("/rw/home", "/home", MS_NOSUID | MS_NODEV, err) < 0)
		return -1;
	return bind("/rw/usrlocal", "/usr/local", 0, err);
}
