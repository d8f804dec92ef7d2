/* Processor, virtualisation, memory and kernel of the host (findings.h). */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/hypervisor/acceleration.h"
#include "base/cleanup.h"
#include "base/host_swap.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/doctor/findings.h"

#define PROC_FILE_MAX ((size_t)1 << 20)
#define KIB_PER_MIB 1024
/* One small qube, the daemon, and QEMU's own needs. */
#define MEMORY_MIB_NEEDED 512
#define MEMORY_MIB_COMFORTABLE 2048

/*
 * The value after "KEY :" in a file of the kernel, up to the end of its line; NULL when it is not
 * there. These are the kernel's own paths: no root_path(). The caller frees it.
 */
static char *
kernel_value(const char *path, const char *key)
{
	AUTO_FREE char *text = NULL;
	const char *line;
	size_t length = strlen(key);

	if (read_file(path, PROC_FILE_MAX, &text, NULL, NULL) < 0)
		return NULL;
	for (line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) != 0)
			continue;
		line += length + strspn(line + length, "\t :");
		return text_format("%.*s", (int)strcspn(line, "\n"), line);
	}
	return NULL;
}

void
check_processor(struct findings *f)
{
	AUTO_FREE char *model = kernel_value("/proc/cpuinfo", "model name");
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct utsname name = {0};

	if (uname(&name) < 0 || !text_equal(name.machine, "x86_64"))
		findings_add(f, "architecture", VERDICT_MISSING, text_copy(name.machine),
			text_copy("only x86_64 machines are supported"));
	findings_add(f, "processor", cores < 2 ? VERDICT_NOTE : VERDICT_OK,
		text_format("%ld core%s, %s", cores, cores == 1 ? "" : "s",
			model != NULL ? model : "of unknown model"),
		cores < 2 ? text_copy("qubes and host share one core: expect waiting") : NULL);
}

/* Whether this is the control domain of a Xen host. */
static bool
is_xen_host(void)
{
	AUTO_FREE char *capabilities = NULL;

	return read_file("/proc/xen/capabilities", PROC_FILE_MAX, &capabilities, NULL, NULL) == 0 &&
	       strstr(capabilities, "control_d") != NULL;
}

static void
check_xen(struct findings *f)
{
	if (is_xen_host())
		findings_add(f, "xen", VERDICT_NOTE,
			text_copy("this machine is booted under Xen, for which there is no driver "
				  "yet"),
			text_copy("boot the same kernel without Xen: qubes then run under QEMU"));
	else
		findings_add(
			f, "xen", VERDICT_OK, text_copy("not booted under Xen; not needed"), NULL);
}

void
check_virtualisation(struct findings *f)
{
	const char *reason;
	enum acceleration acceleration = acceleration_detect(&reason);
	const bool kvm = acceleration == ACCELERATION_KVM;
	char *advice = NULL;

	if (!kvm && strstr(reason, "/dev/kvm") != NULL)
		advice = text_copy(
			"load the module (modprobe kvm_intel or kvm_amd) and let the user "
			"who starts qubes open /dev/kvm (group kvm)");
	else if (!kvm)
		advice = text_copy(
			"qubes run in software, many times slower; if the processor can do "
			"better, turn on VT-x or AMD-V in the firmware, or nested "
			"virtualisation where this machine is itself a virtual one");
	findings_add(f, "acceleration", kvm ? VERDICT_OK : VERDICT_NOTE,
		text_format("%s will be used: %s", acceleration_name(acceleration), reason),
		advice);
	check_xen(f);
	findings_add(f, "vhost", VERDICT_OK,
		text_format("vhost-net %s, vhost-vsock %s; neither is used",
			access("/dev/vhost-net", F_OK) == 0 ? "present" : "absent",
			access("/dev/vhost-vsock", F_OK) == 0 ? "present" : "absent"),
		NULL);
}

/* A number of KiB in /proc/meminfo, as MiB. */
static unsigned long
memory_mib(const char *key)
{
	AUTO_FREE char *value = kernel_value("/proc/meminfo", key);

	return value != NULL ? strtoul(value, NULL, 10) / KIB_PER_MIB : 0;
}

static void
check_swap(struct findings *f)
{
	char *area = host_swap_in_clear();

	if (area == NULL)
		findings_add(f, "swap", VERDICT_OK, text_copy("none, or encrypted"), NULL);
	else
		findings_add(f, "swap", VERDICT_NOTE, text_format("'%s' is not encrypted", area),
			text_copy("memory of qubes can get there, and ephemeral disposables do not "
				  "start: encrypt it (see crypttab(5)) or turn it off"));
	free(area);
}

void
check_memory(struct findings *f)
{
	const unsigned long total = memory_mib("MemTotal"), available = memory_mib("MemAvailable");
	char *found = text_format("%lu MiB, of which %lu MiB are available", total, available);

	if (available < MEMORY_MIB_NEEDED)
		findings_add(f, "memory", VERDICT_MISSING, found,
			text_format(
				"a qube needs %d MiB at least: end other programs, or add memory",
				MEMORY_MIB_NEEDED));
	else if (available < MEMORY_MIB_COMFORTABLE)
		findings_add(f, "memory", VERDICT_NOTE, found,
			text_copy("enough for a few small qubes; give them less with "
				  "'qvm-prefs VMNAME memory MIB'"));
	else
		findings_add(f, "memory", VERDICT_OK, found, NULL);
	check_swap(f);
}

/* Tries it in a child: limits and security modules decide, not one file. */
static bool
user_namespaces_work(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void
check_kernel(struct findings *f)
{
	struct utsname name = {0};
	const int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	const bool has_seccomp = prctl(PR_GET_SECCOMP) >= 0;
	const bool has_namespaces = user_namespaces_work();

	uname(&name);
	if (pidfd < 0)
		findings_add(f, "kernel", VERDICT_MISSING, text_format("Linux %s", name.release),
			text_copy("pidfd_open is missing: Linux 5.3 or later is needed"));
	else if (!has_seccomp)
		findings_add(f, "kernel", VERDICT_MISSING, text_format("Linux %s", name.release),
			text_copy(
				"seccomp is missing, and no process that reads a qube's bytes runs "
				"without it: use a kernel with CONFIG_SECCOMP_FILTER"));
	else
		findings_add(f, "kernel", VERDICT_OK,
			text_format("Linux %s with pidfd and seccomp", name.release), NULL);
	if (pidfd >= 0)
		close(pidfd);
	findings_add(f, "namespaces", has_namespaces ? VERDICT_OK : VERDICT_NOTE,
		text_copy(has_namespaces ? "user namespaces can be made"
					 : "user namespaces can not be made here"),
		has_namespaces ? NULL
			       : text_copy("templates can be built by root only; to change that: "
					   "sysctl -w user.max_user_namespaces=10000 and "
					   "kernel.unprivileged_userns_clone=1"));
}
