/*
 * The place where a booted qube is frozen, and its clones begin (docs/disposables.md). The qube
 * that is to be frozen says that it is ready and waits; each clone of it gets its own identity at
 * this place and applies it before anything else runs.
 */
#ifndef BULKHEAD_QUBE_INIT_CLONE_H
#define BULKHEAD_QUBE_INIT_CLONE_H

#include <stdbool.h>

#include "base/err.h"
#include "qube-init/host_name.h"

/* Whether this boot is one to be frozen: `bulkhead.clone=wait` on the command line. */
bool clone_is_wanted(void);

/* Reads the programs that each clone will need, so that their pages are in the frozen memory. */
void clone_warm_up(void);

/*
 * What each clone needs to become somebody, opened before the freezing: code that runs for the
 * first time after it is translated anew in each clone.
 */
struct clone {
	int port_fd;
	int random_fd;
	int command_line_fd;
	int boot_id_fd;
	int machine_id_fd;
	struct host_name_files host_name;
};

/* Covers the files that say who the qube is by ones that a clone has only to write into. */
int clone_prepare(struct clone *ret_clone, struct err *err);

/*
 * Says ready, waits for an identity and applies it. On an error nothing may run: the clone shares
 * its random numbers with others.
 */
int clone_wait(const struct clone *clone, struct err *err);

/* At the end of a clone's start: its kernel hears that the VM generation id has changed. */
void clone_hear_of_generation(void);

#endif
