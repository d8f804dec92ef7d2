/*
 * Machines: the only way to run one, whatever runs it. Knows no qubes and no properties, only the
 * plain facts below. Runs in bulkheadd, on its loop; never blocks on a machine. What a machine's
 * process says is data from a process exposed to a qube, and is treated so.
 *
 * A machine outlives this process: destroying the object leaves it running, and
 * hypervisor_adopt() takes it up again.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_HYPERVISOR_H
#define BULKHEAD_ADMIN_HYPERVISOR_HYPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "admin/hypervisor/acceleration.h"
#include "admin/storage/image.h"
#include "base/err.h"

/* Names of what a machine has in its run directory; unix sockets, made by us. */
#define MACHINE_SOCKET_LINK "link"       /* the qube's virtio-serial port, for vchan-linkd */
#define MACHINE_SOCKET_QMP "qmp"         /* ours alone */
#define MACHINE_SOCKET_CONSOLE "console" /* ours alone */

/* The virtio-serial port's name inside the qube. */
#define MACHINE_LINK_PORT "org.bulkhead.vchan"

#define MACHINE_MEMORY_MIB_MIN 16
#define MACHINE_MEMORY_MIB_MAX (4 * 1024 * 1024)
#define MACHINE_VCPUS_MAX 128
/* Disks that can be attached while running. */
#define MACHINE_HOTPLUG_DISKS_MAX 4
/* Room for the window memory in the machine's address space. */
#define MACHINE_WINDOW_MEMORY_BYTES (256ULL << 20)

struct loop;
struct hypervisor;
struct machine;

/*
 * Memory that outlives the machine: frozen together with the devices by machine_save(), then the
 * ground on which others start as copies, which see it as it was and change only their own pages.
 */
#define MACHINE_SOCKET_IDENTITY "identity" /* of machines with such a memory; ours alone */
#define MACHINE_IDENTITY_PORT "org.bulkhead.identity"

struct machine_memory {
	int fd;        /* a file of the memory's size; borrowed during the call */
	int device_fd; /* what machine_save() has written, for a copy to read; else -1 */
	bool is_copy;  /* starts with the saved state, at the instruction where it was saved */
};

struct machine_config {
	const struct machine_memory *memory; /* NULL: of its own, that goes with it */
	const char *name;                    /* the qube's */
	const char *uuid;                    /* or NULL */
	unsigned int memory_mib;
	unsigned int vcpus;
	const char *kernel;              /* bzImage; NULL: nothing is booted (tests) */
	const char *kernel_elf;          /* uncompressed ELF, used where it boots faster; or NULL */
	const char *initramfs;           /* or NULL */
	const char *command_line;        /* of the kernel, or NULL */
	const struct disk_images *disks; /* borrowed during the call; NULL: none */
	const char *run_directory;       /* exists; not writable by the machine's user */
	const char *console_log;         /* kept at CONSOLE_LOG_MAX_BYTES at most; NULL: none */
	/* The machine's and its host processes' user, where we may change to it; else -1. */
	uid_t uid;
	gid_t gid;
	/* Waits to be used: what it has translated is worth its memory. */
	bool is_spare;
};

enum machine_event_kind {
	MACHINE_EVENT_PAUSED, /* also by the machine itself: see `detail` */
	MACHINE_EVENT_RESUMED,
	MACHINE_EVENT_STOPPED, /* the process is gone; the last event of a machine */
};

enum machine_stop_reason {
	MACHINE_STOP_SHUTDOWN, /* the qube powered itself off */
	MACHINE_STOP_RESET,    /* the qube rebooted, which ends the machine */
	MACHINE_STOP_PANIC,    /* the qube's kernel panicked and could say so */
	MACHINE_STOP_KILLED,   /* machine_kill() */
	MACHINE_STOP_CRASHED,  /* the process died or was killed by somebody else */
};

struct machine_event {
	enum machine_event_kind kind;
	enum machine_stop_reason reason; /* of MACHINE_EVENT_STOPPED */
	/* PAUSED: why, when it was not asked for ("no space left ..."); STOPPED: last words of
	 * the process. For the log; escaped text of bounded length; "" if there is none. */
	const char *detail;
};

enum machine_state {
	MACHINE_STARTING, /* no answer from the process yet */
	MACHINE_PAUSED,
	MACHINE_RUNNING,
	MACHINE_STOPPED,
};

/* May destroy the machine. Never called from within a call of this interface. */
typedef void (*machine_handler)(struct machine *m, const struct machine_event *event, void *data);

/* One answer a request, never from within the call; err is NULL on success and borrowed. */
typedef void (*machine_done)(void *data, const struct err *err);

/* NULL with the error where no machine can be run here. */
struct hypervisor *hypervisor_create(struct loop *loop, struct err *err);
void hypervisor_destroy(struct hypervisor *h);
enum acceleration hypervisor_acceleration(const struct hypervisor *h);

/* Host memory that can be had without harm, in MiB; 0 if it is not known. */
uint64_t host_memory_available_mib(void);

/*
 * Starts a machine, paused; `done` when it can be resumed, or failed: then the process is gone
 * and no event follows; the machine is still to be destroyed. err->kind is QubesMemoryError where
 * the memory can not be had. The handler may be called from the success of `done` on. NULL with the
 * error if nothing was started (done is not called then).
 */
struct machine *hypervisor_start(struct hypervisor *h, const struct machine_config *config,
	machine_handler handler, machine_done done, void *data, struct err *err);

/*
 * Takes up a machine that an earlier process started in this run directory. `pid` 0: whichever
 * answers there; else it must be that process with that start time. `done` tells success (the
 * state is then known) or failure. NULL with ESRCH: there is no such machine any more.
 * console_log as in machine_config.
 */
struct machine *hypervisor_adopt(struct hypervisor *h, const char *name, const char *run_directory,
	const char *console_log, pid_t pid, unsigned long long start_time, machine_handler handler,
	machine_done done, void *data, struct err *err);

/* Forgets the object and its pending requests; the machine itself goes on. NULL is fine. */
void machine_destroy(struct machine *m);

const char *machine_name(const struct machine *m);
enum machine_state machine_state(const struct machine *m);
/* With this pair hypervisor_adopt() knows the process again. */
pid_t machine_pid(const struct machine *m);
unsigned long long machine_start_time(const struct machine *m);

void machine_resume(struct machine *m, machine_done done, void *data);
void machine_pause(struct machine *m, machine_done done, void *data);
/* Presses the power button; success means it was pressed, the event comes if the qube obeys. */
void machine_shut_down(struct machine *m, machine_done done, void *data);
/*
 * Stops the machine for good and writes what is not memory to the file, which is taken over; then
 * it is only to be killed. For machines with a machine_memory that are no copies.
 */
void machine_save(struct machine *m, int device_fd, machine_done done, void *data);
/* Ends the process at once; MACHINE_EVENT_STOPPED follows. 0 or negative errno. */
int machine_kill(struct machine *m);

/* The image's descriptors are duplicated in the call. Its name must be unused in the machine. */
void machine_attach_disk(
	struct machine *m, const struct disk_image *image, machine_done done, void *data);
/* Asks the qube to let go and answers when it has, or with ETIMEDOUT. */
void machine_detach_disk(struct machine *m, const char *name, machine_done done, void *data);
/* The machine sees a grown disk (after storage_resize()). */
void machine_resize_disk(
	struct machine *m, const char *name, uint64_t size_bytes, machine_done done, void *data);

/*
 * Copies all that lies between the image that is written to and the lowest one into the former, and
 * lets go of what is between them; answers when that is done. `base_name` is what the image's
 * header then names as its base. Resizing the disk and switching it come first: they end it
 * (ECANCELED).
 */
void machine_fold_disk(
	struct machine *m, const char *name, const char *base_name, machine_done done, void *data);
/*
 * The machine goes on in another image, empty, over the one that it has written to so far: all
 * that was flushed by the qube and more is in that from the answer on. `image` has the disk's name
 * and one file; its descriptor is duplicated in the call. An error of code EIO from a machine that
 * lives means that it has not changed over.
 */
void machine_switch_disk(
	struct machine *m, const struct disk_image *image, machine_done done, void *data);

/*
 * Plugs the memory in which the qube's windows are drawn (gui/protocol/window_memory.h) into the
 * running machine, once; its size is at most MACHINE_WINDOW_MEMORY_BYTES. The descriptor is
 * duplicated in the call.
 */
void machine_attach_window_memory(struct machine *m, int fd, machine_done done, void *data);

#endif
