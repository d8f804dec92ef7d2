/* What a qube's machine is made of; see boot.h. */
#include "admin/lifecycle/boot.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/lifecycle/lifecycle.h"
#include "admin/lifecycle/windows.h"
#include "admin/model/app.h"
#include "admin/model/qube.h"
#include "admin/storage/kernel.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

/*
 * Users of qubes: a block of numbers a root directory, so that instances beside each other do not
 * share them, far from what login and container tools give out.
 */
#define HOST_UID_FIRST 2000000000U
#define HOST_UID_BLOCKS 10000U
#define HOST_UID_BLOCK_SIZE 10000U /* > QID_MAX */

/*
 * Always on the command line unless the feature no-default-kernelopts is set: what the kernel's
 * directory says, or this.
 */
#define COMMON_KERNEL_OPTIONS "console=ttyS0 quiet panic=-1"
#define COMMON_KERNEL_OPTIONS_FILE "default-kernelopts-common.txt"
#define COMMON_KERNEL_OPTIONS_MAX 2048

uid_t
qube_host_uid(const struct qube *q)
{
	uint32_t hash = 2166136261U; /* FNV-1a, of the root's path */

	if (geteuid() != 0)
		return (uid_t)-1;
	for (const char *c = root_prefix(); *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	return HOST_UID_FIRST + hash % HOST_UID_BLOCKS * HOST_UID_BLOCK_SIZE + (uid_t)q->qid;
}

char *
qube_run_directory(const struct qube *q)
{
	return root_path(LIFECYCLE_RUN_DIRECTORY "/%s", q->name);
}

char *
qube_console_log(const struct qube *q)
{
	return root_path(LIFECYCLE_LOG_DIRECTORY "/guest-%s.log", q->name);
}

/* What persists, in the words of spec admin-api.md section 19. */
static const char *
persistence_word(const struct qube *q)
{
	switch (q->class) {
	case CLASS_TEMPLATE:
	case CLASS_STANDALONE:
		return "full";
	case CLASS_DISP:
		return "none";
	default:
		return "rw-only";
	}
}

/* The type a qube is told to be, in the historical words. */
static const char *
type_word(const struct qube *q)
{
	if (q->class == CLASS_TEMPLATE)
		return "TemplateVM";
	if (qube_flag(q, PROPERTY_PROVIDES_NETWORK))
		return qube_netvm(q) != NULL ? "ProxyVM" : "NetVM";
	return "AppVM";
}

static char *
machine_id_of(const struct qube *q)
{
	char *id = text_copy(q->uuid);
	char *to = id;

	for (const char *from = q->uuid; *from != '\0'; from++) {
		if (*from != '-')
			*to++ = *from;
	}
	*to = '\0';
	return id;
}

/* The property may hold any byte but NUL: what is not printable becomes a blank. */
static char *
kernel_options_of(const struct qube *q)
{
	char *options = qube_text(q, PROPERTY_KERNELOPTS);

	for (char *c = options; *c != '\0'; c++) {
		if (!isprint((unsigned char)*c))
			*c = ' ';
	}
	return options;
}

/* With one blank at the end, or empty. */
static char *
common_kernel_options(const struct qube *q)
{
	AUTO_FREE char *version = qube_text(q, PROPERTY_KERNEL);
	AUTO_FREE char *path =
		root_path(KERNEL_DIRECTORY "/%s/" COMMON_KERNEL_OPTIONS_FILE, version);
	AUTO_FREE char *options = NULL;

	if (qube_feature_lookup(q, "no-default-kernelopts", FEATURE_WITH_TEMPLATE) != NULL)
		return text_copy("");
	if (read_file(path, COMMON_KERNEL_OPTIONS_MAX, &options, NULL, NULL) < 0)
		return text_copy(COMMON_KERNEL_OPTIONS " ");
	options[strcspn(options, "\n")] = '\0';
	return text_format("%s ", options);
}

char *
boot_command_line(const struct qube *q)
{
	AUTO_FREE char *common = common_kernel_options(q);
	AUTO_FREE char *options = kernel_options_of(q);
	AUTO_FREE char *machine_id = machine_id_of(q);
	AUTO_FREE char *user = qube_text(q, PROPERTY_DEFAULT_USER);

	return text_format("%s%s systemd.hostname=%s systemd.machine_id=%s bulkhead.name=%s"
			   " bulkhead.type=%s bulkhead.persistence=%s bulkhead.user=%s%s",
		common, options, q->name, machine_id, q->name, type_word(q), persistence_word(q),
		user, qube_wants_windows(q) ? " bulkhead.gui=1" : "");
}

/* Numbers that no machine can have stay so, whatever the type they have to fit into. */
static unsigned int
clamp(int64_t number, unsigned int max)
{
	return number > (int64_t)max ? max + 1 : (unsigned int)number;
}

static int
add_kernel(struct boot_plan *plan, const struct qube *q, struct disk_images *disks, struct err *err)
{
	AUTO_FREE char *version = qube_text(q, PROPERTY_KERNEL);
	struct kernel_files files = {0};
	int result;

	if (version[0] == '\0')
		return err_set_kind(err, "QubesVMError", ENOTSUP,
			"qube '%s' has no kernel set, and a boot from its own disk is not possible "
			"yet; set one: qvm-prefs %s kernel VERSION",
			q->name, q->name);
	if (kernel_find(version, &files, err) < 0)
		return err_wrap(err, "qube '%s'", q->name);
	result = kernel_add_modules(&files, disks, err);
	plan->kernel = steal_ptr(files.vmlinuz);
	plan->kernel_elf = steal_ptr(files.vmlinux);
	plan->initramfs = steal_ptr(files.initramfs);
	kernel_files_finish(&files);
	return result;
}

int
boot_plan_make(
	struct boot_plan *plan, const struct qube *q, struct disk_images *disks, struct err *err)
{
	*plan = (struct boot_plan){0};
	plan->run_directory = qube_run_directory(q);
	plan->console_log = qube_console_log(q);
	plan->command_line = boot_command_line(q);
	if (add_kernel(plan, q, disks, err) < 0)
		return -1;
	plan->machine = (struct machine_config){
		.name = q->name,
		.uuid = q->uuid,
		.memory_mib = clamp(qube_number(q, PROPERTY_MEMORY), MACHINE_MEMORY_MIB_MAX),
		.vcpus = clamp(qube_number(q, PROPERTY_VCPUS), MACHINE_VCPUS_MAX),
		.kernel = plan->kernel,
		.kernel_elf = plan->kernel_elf,
		.initramfs = plan->initramfs,
		.command_line = plan->command_line,
		.disks = disks,
		.run_directory = plan->run_directory,
		.console_log = plan->console_log,
		.uid = qube_host_uid(q),
		.gid = (gid_t)qube_host_uid(q),
	};
	return 0;
}

void
boot_plan_finish(struct boot_plan *plan)
{
	if (plan->memory.is_copy && plan->memory.device_fd >= 0)
		close(plan->memory.device_fd);
	free(plan->run_directory);
	free(plan->console_log);
	free(plan->kernel);
	free(plan->kernel_elf);
	free(plan->initramfs);
	free(plan->command_line);
	*plan = (struct boot_plan){0};
}
