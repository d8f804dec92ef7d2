/*
 * Whether machines run on the CPU (KVM) or are emulated (TCG). KVM is used only where the CPU's
 * flags show virtualisation *and* /dev/kvm opens: a /dev/kvm that answers on a CPU without those
 * flags is a software module that can not run a stock kernel.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_ACCELERATION_H
#define BULKHEAD_ADMIN_HYPERVISOR_ACCELERATION_H

#include <stdbool.h>

enum acceleration {
	ACCELERATION_TCG,
	ACCELERATION_KVM,
};

/* Whether the text of a /proc/cpuinfo shows vmx or svm among the flags of its first CPU. */
bool acceleration_cpuinfo_shows_virtualisation(const char *cpuinfo);

/* Decides for this machine. *ret_reason (may be NULL) is a constant sentence for a person. */
enum acceleration acceleration_detect(const char **ret_reason);

/* "kvm" or "tcg". */
const char *acceleration_name(enum acceleration acceleration);

#endif
