/*
 * Confinement of a running process; see sandbox.h. The filter denies by default: a call that is
 * not listed returns EPERM, so that a library's harmless attempt does not end the process.
 */
#include "base/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the numbers below are those of x86-64"
#endif

/* Calls that a process may list beyond the common ones. */
#define EXTRA_MAX 128

static const int common_calls[] = {
	/* memory */
	SYS_brk,
	SYS_mmap,
	SYS_mremap,
	SYS_munmap,
	SYS_madvise,
	SYS_mprotect,
	/* descriptors that are already open */
	SYS_read,
	SYS_readv,
	SYS_write,
	SYS_writev,
	SYS_close,
	SYS_dup,
	SYS_fcntl,
	SYS_fstat,
	SYS_newfstatat,
	SYS_lseek,
	SYS_poll,
	SYS_ppoll,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_wait,
	SYS_epoll_pwait,
	SYS_signalfd4,
	SYS_eventfd2,
	/* sockets that exist; making new ones is extra */
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_sendto,
	SYS_sendmsg,
	SYS_shutdown,
	SYS_getsockopt,
	/* time, randomness, identity, synchronisation */
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_gettimeofday,
	SYS_getrandom,
	SYS_getpid,
	SYS_gettid,
	SYS_futex,
	SYS_restart_syscall,
	/* signals and the end */
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_tgkill,
	SYS_tkill,
	SYS_exit,
	SYS_exit_group,
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

#define COMMON_COUNT (sizeof(common_calls) / sizeof(common_calls[0]))

/* Two instructions a call, so that no jump is longer than its 8 bits, and five around them. */
#define PROGRAM_MAX (2 * (COMMON_COUNT + EXTRA_MAX) + 5)

struct filter {
	struct sock_filter program[PROGRAM_MAX];
	unsigned short length;
};

static void
add(struct filter *f, struct sock_filter instruction)
{
	f->program[f->length++] = instruction;
}

static void
add_return(struct filter *f, uint32_t verdict)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

static void
add_load(struct filter *f, size_t offset)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* What follows is done when the loaded word is the value, or skipped. */
static void
add_if_equal(struct filter *f, uint32_t value)
{
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
}

static int
add_allowed(struct filter *f, const int *calls, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (calls[i] < 0)
			return err_set(err, EINVAL, "sandbox: no system call %d", calls[i]);
		add_if_equal(f, (uint32_t)calls[i]);
		add_return(f, SECCOMP_RET_ALLOW);
	}
	return 0;
}

/*
 * A call of the 32-bit kind comes with another architecture and ends the process; one of the x32
 * kind has a number that is none of ours.
 */
static int
build_filter(struct filter *f, const int *extra_calls, size_t count, struct err *err)
{
	if (count > EXTRA_MAX)
		return err_set(err, E2BIG, "sandbox: %zu system calls are too many", count);
	add_load(f, offsetof(struct seccomp_data, arch));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	add_return(f, SECCOMP_RET_KILL_PROCESS);
	add_load(f, offsetof(struct seccomp_data, nr));
	if (add_allowed(f, common_calls, COMMON_COUNT, err) < 0 ||
		add_allowed(f, extra_calls, count, err) < 0)
		return -1;
	add_return(f, SECCOMP_RET_ERRNO | EPERM);
	return 0;
}

static int
load_filter(const int *extra_calls, size_t count, struct err *err)
{
	struct filter filter = {.length = 0};
	struct sock_fprog program = {.filter = filter.program};
	long result;

	if (build_filter(&filter, extra_calls, count, err) < 0)
		return -1;
	program.len = filter.length;
	/* A library may have started threads. */
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (result < 0)
		return err_set_errno(err, errno, "sandbox: cannot load the filter");
	if (result > 0)
		return err_set(err, EBUSY, "sandbox: thread %ld cannot be confined", result);
	return 0;
}

int
sandbox_enter(const int *extra_calls, size_t count, struct err *err)
{
	struct rlimit no_core = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(err, errno, "sandbox: cannot give up new privileges");
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return err_set_errno(err, errno, "sandbox: cannot forbid core dumps");
	if (drop_capabilities(err) < 0)
		return -1;
	return load_filter(extra_calls, count, err);
}
