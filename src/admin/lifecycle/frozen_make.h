/*
 * One frozen qube: how it is booted, saved and frozen, and how it goes. Private to frozen.c, which
 * decides what is made and what goes, and gives copies out (frozen.h). Runs in bulkheadd.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_FROZEN_MAKE_H
#define BULKHEAD_ADMIN_LIFECYCLE_FROZEN_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/lifecycle/boot.h"
#include "base/list.h"
#include "base/loop.h"

struct lifecycle;
struct machine;
struct qube;

/* All that it may say (docs/protocols/identity.md). */
#define FROZEN_READY_TEXT "ready\n"

enum frozen_phase {
	FROZEN_STORAGE,
	FROZEN_MACHINE,
	FROZEN_BOOTING,
	FROZEN_SAVING,
	FROZEN_ENDING,
	FROZEN_FREEZING,
	FROZEN_READY,
	FROZEN_FAILED, /* kept, so that the same is not tried again */
	FROZEN_DROPPING,
};

struct frozen {
	struct list link; /* lifecycle.frozen */
	struct lifecycle *l;
	char *name; /* the disposable template's */
	char *owner, *key, *run_directory;
	enum frozen_phase phase;
	bool busy, doomed;
	bool is_hopeless; /* of FROZEN_FAILED: it would fail the next time, too */
	unsigned int users;
	struct machine *machine;
	struct boot_plan plan; /* of its own boot; copies have the same devices */
	int memory_fd, device_fd, identity_fd;
	struct loop_fd *identity;
	char said[sizeof(FROZEN_READY_TEXT)];
	size_t said_length;
	struct loop_timer *timer;
	uint64_t begun_ms, failed_ms;
};

/*
 * Begins to make one; it is in the list from here on, whatever becomes of it. Takes the key, the
 * text of everything that goes into it.
 */
void frozen_make(struct lifecycle *l, const struct qube *template, char *key);

/* Logs why there is none for this template; of an error's code also what to do, if it tells. */
void frozen_tell_failure(const char *name, const char *why, int code);

/* It is not wanted any more; another may be made in its place. It goes once nobody uses it. */
void frozen_drop(struct frozen *f, const char *why);
/* On the way out, from any phase; asking again is fine. */
void frozen_advance_ending(struct frozen *f);
/* At once, with what the daemon holds of it; its disks stay until storage_recover(). */
void frozen_destroy(struct frozen *f);

#endif
