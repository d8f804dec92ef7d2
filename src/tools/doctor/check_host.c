/* Disk, programs, display and what is installed of Bulkhead (findings.h). */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "tools/doctor/findings.h"

#define IMAGES_DIRECTORY "/var/lib/qubes"
#define KERNELS_DIRECTORY "/var/lib/qubes/vm-kernels"
#define DAEMON_SOCKET "/run/qubesd.sock"

#define MIB ((uint64_t)1 << 20)
/* A template, and a qube or two made from it. */
#define DISK_MIB_NEEDED 2048
#define DISK_MIB_COMFORTABLE 10240

#define QEMU_MAJOR_NEEDED 7
#define QEMU_MINOR_NEEDED 2
#define OUTPUT_MAX 65536

/* The nearest directory that exists on the way to a path. The caller frees it. */
static char *
existing_ancestor(const char *path)
{
	char *ancestor = text_copy(path);

	while (ancestor[0] == '/' && ancestor[1] != '\0' && access(ancestor, F_OK) < 0) {
		char *slash = strrchr(ancestor, '/');

		slash[slash == ancestor ? 1 : 0] = '\0';
	}
	return ancestor;
}

void
check_storage(struct findings *f)
{
	AUTO_FREE char *wanted = root_path("%s", IMAGES_DIRECTORY);
	AUTO_FREE char *directory = existing_ancestor(wanted);
	struct statfs fs;
	uint64_t free_mib;
	char *found;

	if (statfs(directory, &fs) < 0) {
		findings_add(f, "disk", VERDICT_MISSING,
			text_format("cannot look at '%s': %s", directory, strerror(errno)), NULL);
		return;
	}
	free_mib = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize / MIB;
	found = text_format("%.1f GiB free for images in '%s'", (double)free_mib / 1024, wanted);
	if (free_mib < DISK_MIB_NEEDED)
		findings_add(f, "disk", VERDICT_MISSING, found,
			text_format("a template and a qube need %d GiB: free some, or put another "
				    "file system there",
				DISK_MIB_NEEDED / 1024));
	else if (free_mib < DISK_MIB_COMFORTABLE)
		findings_add(f, "disk", VERDICT_NOTE, found,
			text_copy("enough to begin with; images grow as qubes write"));
	else
		findings_add(f, "disk", VERDICT_OK, found, NULL);
}

/* Whether a program is in PATH. */
static bool
has_program(const char *name)
{
	const char *path = getenv("PATH");

	for (const char *at = path != NULL ? path : ""; *at != '\0';) {
		size_t length = strcspn(at, ":");
		AUTO_FREE char *full = text_format("%.*s/%s", (int)length, at, name);

		if (access(full, X_OK) == 0)
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

/* "QEMU emulator version 7.2.22 (...)": the number, or NULL. The caller frees it. */
static char *
qemu_version(void)
{
	static const char *const argv[] = {"qemu-system-x86_64", "--version", NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_FREE char *output = NULL;
	const char *version;

	config.argv = argv;
	if (child_run(&config, OUTPUT_MAX, &output, NULL) != 0)
		return NULL;
	version = strstr(output, "version ");
	if (version == NULL)
		return NULL;
	version += strlen("version ");
	return text_format("%.*s", (int)strspn(version, "0123456789."), version);
}

static void
check_qemu(struct findings *f)
{
	AUTO_FREE char *version = qemu_version();
	unsigned long major, minor;
	char *end;

	if (version == NULL) {
		findings_add(f, "qemu", VERDICT_MISSING,
			text_copy("qemu-system-x86_64 does not run"),
			text_copy("apt-get install qemu-system-x86"));
		return;
	}
	major = strtoul(version, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	if (major < QEMU_MAJOR_NEEDED || (major == QEMU_MAJOR_NEEDED && minor < QEMU_MINOR_NEEDED))
		findings_add(f, "qemu", VERDICT_MISSING, text_format("version %s", version),
			text_format("version %d.%d or later is needed", QEMU_MAJOR_NEEDED,
				QEMU_MINOR_NEEDED));
	else
		findings_add(f, "qemu", VERDICT_OK, text_format("version %s", version), NULL);
}

void
check_programs(struct findings *f)
{
	static const struct {
		const char *program, *package, *use;
		enum verdict if_absent;
	} programs[] = {
		{"qemu-img", "qemu-utils", "images", VERDICT_MISSING},
		{"mmdebstrap", "mmdebstrap", "building templates", VERDICT_NOTE},
		{"mke2fs", "e2fsprogs", "building templates", VERDICT_NOTE},
		{"cpio", "cpio", "building templates", VERDICT_NOTE},
		{"zstd", "zstd", "building templates", VERDICT_NOTE},
	};

	check_qemu(f);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		/* What root alone uses is often outside other users' PATH. */
		AUTO_FREE char *in_sbin = text_format("/usr/sbin/%s", programs[i].program);
		const bool present = has_program(programs[i].program) || access(in_sbin, X_OK) == 0;

		findings_add(f, programs[i].program, present ? VERDICT_OK : programs[i].if_absent,
			text_format("%s (for %s)", present ? "present" : "not installed",
				programs[i].use),
			present ? NULL : text_format("apt-get install %s", programs[i].package));
	}
}

void
check_display(struct findings *f)
{
	const char *wayland = getenv("WAYLAND_DISPLAY"), *x11 = getenv("DISPLAY");

	if (x11 != NULL)
		findings_add(f, "display", VERDICT_OK, text_format("X11 on '%s'", x11), NULL);
	else if (wayland != NULL)
		findings_add(
			f, "display", VERDICT_OK, text_format("Wayland on '%s'", wayland), NULL);
	else
		findings_add(f, "display", VERDICT_NOTE, text_copy("none in this session"),
			text_copy("qubes run without windows; 'qvm-run -p' shows what they write"));
}

static size_t
count_entries(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

void
check_installation(struct findings *f)
{
	AUTO_FREE char *kernels = root_path("%s", KERNELS_DIRECTORY);
	AUTO_FREE char *path = root_path("%s", DAEMON_SOCKET);
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int fd = -1;
	const size_t count = count_entries(kernels);

	findings_add(f, "kernels", count > 0 ? VERDICT_OK : VERDICT_NOTE,
		count > 0 ? text_format("%zu for qubes in '%s'", count, kernels)
			  : text_format("none for qubes in '%s' yet", kernels),
		count > 0
			? NULL
			: text_copy("'./bulkhead template kernel' in the source tree builds one"));
	fd = socket_connect(path, &err);
	if (fd >= 0)
		findings_add(
			f, "bulkheadd", VERDICT_OK, text_format("answers on '%s'", path), NULL);
	else
		findings_add(f, "bulkheadd", VERDICT_NOTE,
			text_format("does not answer on '%s'", path),
			text_copy(
				err.code == EACCES
					? "members of the group 'qubes' may use it"
					: "systemctl start bulkheadd; or './bulkhead demo' in the "
					  "source tree for a private one"));
}
