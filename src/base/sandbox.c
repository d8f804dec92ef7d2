/*
 * Confinement of a running process; see sandbox.h. The filter denies by default: a call that is
 * not listed returns EPERM, so that a library's harmless attempt does not end the process.
 */
#include "base/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const common_syscalls[] = {
	/* memory */
	"brk",
	"mmap",
	"mremap",
	"munmap",
	"madvise",
	"mprotect",
	/* descriptors that are already open */
	"read",
	"readv",
	"write",
	"writev",
	"close",
	"dup",
	"fcntl",
	"fstat",
	"newfstatat",
	"lseek",
	"poll",
	"ppoll",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"signalfd4",
	"eventfd2",
	/* sockets that exist; making new ones is extra */
	"recvfrom",
	"recvmsg",
	"sendto",
	"sendmsg",
	"shutdown",
	"getsockopt",
	/* time, randomness, identity, synchronisation */
	"clock_gettime",
	"clock_nanosleep",
	"gettimeofday",
	"getrandom",
	"getpid",
	"gettid",
	"futex",
	"restart_syscall",
	/* signals and the end */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"tgkill",
	"exit",
	"exit_group",
};

static int
drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
			prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* only root may */
	}
	if (syscall(SYS_capset, &header, none) < 0)
		return err_set_errno(err, errno, "sandbox: cannot drop capabilities");
	return 0;
}

static int
allow(scmp_filter_ctx filter, const char *const *names, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int result;

		if (number == __NR_SCMP_ERROR)
			return err_set(err, EINVAL, "sandbox: no system call '%s'", names[i]);
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		if (result < 0)
			return err_set_errno(err, -result, "sandbox: system call '%s'", names[i]);
	}
	return 0;
}

static int
load_filter(const char *const *extra_syscalls, size_t count, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result;

	if (filter == NULL)
		return err_set(err, ENOMEM, "sandbox: no filter");
	/* A library may have started threads. */
	result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (result < 0)
		result = err_set_errno(err, -result, "sandbox: no filter for all threads");
	else
		result = allow(filter, common_syscalls,
			sizeof(common_syscalls) / sizeof(common_syscalls[0]), err);
	if (result == 0)
		result = allow(filter, extra_syscalls, count, err);
	if (result == 0) {
		int code = seccomp_load(filter);

		if (code < 0)
			result = err_set_errno(err, -code, "sandbox: cannot load the filter");
	}
	seccomp_release(filter);
	return result;
}

int
sandbox_enter(const char *const *extra_syscalls, size_t count, struct err *err)
{
	struct rlimit no_core = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(err, errno, "sandbox: cannot give up new privileges");
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return err_set_errno(err, errno, "sandbox: cannot forbid core dumps");
	if (drop_capabilities(err) < 0)
		return -1;
	return load_filter(extra_syscalls, count, err);
}
