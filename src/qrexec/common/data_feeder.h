/*
 * Feeds a program while we wait for a lock of the kernel. A program that splices its stdin to its
 * stdout (cat may) keeps the pipe locked while it waits for input, and a read of that pipe then
 * waits with it, non-blocking or not, whatever poll() said: it would wait for ever, being the one
 * that brings the input. So a second thread brings it when a read takes long. It runs only then:
 * at any time one of the two threads works on the call. What such a program wrote is still kept
 * from us until more input comes or ends: a peer that waits for each answer waits for ever, as with
 * any reader of that pipe. Internal to the data channel.
 */
#ifndef BULKHEAD_QREXEC_DATA_FEEDER_H
#define BULKHEAD_QREXEC_DATA_FEEDER_H

#include <stdbool.h>

struct feeder;
struct local_end;
struct pump;

/*
 * Around whatever takes the lock of a program's pipe. In between, of the call's state nothing may
 * be touched but what belongs to the outgoing half. False: there is nothing to fear, and no
 * feeder_leave() to follow. feeder_leave() returns 0 or the error that feeding met.
 */
bool feeder_enter(struct pump *pump, const struct local_end *end);
int feeder_leave(struct pump *pump);

/* Ends and frees it. NULL is fine. */
void feeder_destroy(struct feeder *feeder);

#endif
