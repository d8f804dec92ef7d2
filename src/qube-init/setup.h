/*
 * How a qube becomes itself at boot, before its agents start: state below /run, the private
 * volume, its name, what is kept of the root. Runs as root in the qube, once, within the small
 * init or as a unit of systemd. The private volume's content belongs to the qube: its users may
 * have put anything there, links included.
 */
#ifndef BULKHEAD_QUBE_INIT_SETUP_H
#define BULKHEAD_QUBE_INIT_SETUP_H

#include "qube-init/config.h"

/* All of the below, in order. -1 with the error only where the qube would not be itself. */
int setup_qube(const struct qube_config *config, struct err *err);

/* /run/qubes and its markers, /run/qubes-service (spec guest.md 4.4). */
int setup_runtime_state(const struct qube_config *config, struct err *err);

/* Formats (only what was never used), checks, mounts and fills /rw; then /home, /usr/local. */
int setup_private(const struct qube_config *config, struct err *err);

/* A home directory, from /etc/skel, for each account that has one below /home. */
int setup_homes(struct err *err);

/* Host name, /etc/hostname and /etc/hosts; files that are protected stay as they are. */
int setup_host_name(const struct qube_config *config, struct err *err);

/* Mounts kept files and directories over those of the root (spec guest.md 4.6). */
int setup_bind_directories(struct err *err);

/* Runs the early (rc.local-early) or the late (rc.local) scripts of /rw/config. */
void setup_run_scripts(const char *name);

/* Runs a program to its end; 0, or -1 with an error that has the last it printed. */
int setup_run(struct err *err, const char *const *argv);

#endif
