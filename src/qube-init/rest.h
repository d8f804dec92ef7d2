/*
 * Bringing a qube to rest before it is frozen (docs/disposables.md): waiting until nothing is
 * going on in it, and holding every other process, so that a copy can become somebody before any
 * of them runs again. For qubes with systemd; the small init holds its few services itself.
 */
#ifndef BULKHEAD_QUBE_INIT_REST_H
#define BULKHEAD_QUBE_INIT_REST_H

#include <stdint.h>

#include "base/err.h"

/* Waits until the processors have had next to nothing to do for a moment, or the time is over. */
void rest_await_idle(uint64_t timeout_ms);

/*
 * Holds all processes outside of our own top-level control group, the first process included; 0,
 * or -1 with the error if one still runs after some seconds.
 */
int rest_hold_others(struct err *err);
int rest_release_others(struct err *err);

#endif
