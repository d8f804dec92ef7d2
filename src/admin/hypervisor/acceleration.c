/* The choice between KVM and TCG; see acceleration.h. */
#include "admin/hypervisor/acceleration.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The kernel's own paths, not ours: no root_path(). */
#define CPUINFO_PATH "/proc/cpuinfo"
#define KVM_PATH "/dev/kvm"

/* The first CPU is well within this; a machine may have hundreds. */
#define CPUINFO_BYTES 16384

bool
acceleration_cpuinfo_shows_virtualisation(const char *cpuinfo)
{
	const char *line = cpuinfo;

	while (line != NULL && strncmp(line, "flags", 5) != 0) {
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	if (line == NULL || (line = strchr(line, ':')) == NULL)
		return false;
	for (const char *word = line + 1;;) {
		size_t length;

		word += strspn(word, " \t");
		length = strcspn(word, " \t\n");
		if (length == 0)
			return false;
		if (length == 3 && (strncmp(word, "vmx", 3) == 0 || strncmp(word, "svm", 3) == 0))
			return true;
		word += length;
	}
}

static bool
cpu_has_virtualisation(void)
{
	char text[CPUINFO_BYTES + 1];
	AUTO_FD int fd = open(CPUINFO_PATH, O_RDONLY | O_CLOEXEC);
	size_t count = 0;

	/* The kernel gives this file in pieces. */
	while (fd >= 0 && count < CPUINFO_BYTES) {
		ssize_t piece = read(fd, text + count, CPUINFO_BYTES - count);

		if (piece <= 0)
			break;
		count += (size_t)piece;
	}
	text[count] = '\0';
	return acceleration_cpuinfo_shows_virtualisation(text);
}

enum acceleration
acceleration_detect(const char **ret_reason)
{
	const char *reason = "the CPU shows no virtualisation (vmx or svm)";
	enum acceleration result = ACCELERATION_TCG;

	/* The CPU is asked first: without its flags the device is not even touched. */
	if (cpu_has_virtualisation()) {
		AUTO_FD int fd = open(KVM_PATH, O_RDWR | O_CLOEXEC);

		result = fd >= 0 ? ACCELERATION_KVM : ACCELERATION_TCG;
		reason = fd >= 0 ? "the CPU virtualises and /dev/kvm opens"
				 : "the CPU virtualises, but /dev/kvm does not open";
	}
	if (ret_reason != NULL)
		*ret_reason = reason;
	return result;
}

const char *
acceleration_name(enum acceleration acceleration)
{
	return acceleration == ACCELERATION_KVM ? "kvm" : "tcg";
}
