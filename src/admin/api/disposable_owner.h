/*
 * Disposables made for a call. The qrexec-daemon that made one kills it when the call is over;
 * should that daemon end without having done so, the disposable ends with it. Who made it is a
 * feature of the disposable, so that a restart of bulkheadd changes nothing.
 */
#ifndef BULKHEAD_ADMIN_API_DISPOSABLE_OWNER_H
#define BULKHEAD_ADMIN_API_DISPOSABLE_OWNER_H

struct api;
struct owners;
struct qube;
struct request;

/* Number and start time of the process, decimal. */
#define DISPOSABLE_OWNER_FEATURE "bulkhead-owner"

/* Takes up what is noted; what lost its owner meanwhile ends now. NULL without memory. */
struct owners *owners_create(struct api *api);
void owners_destroy(struct owners *o);

/* The new disposable goes with the process that asked for it, if that is a qrexec-daemon. */
void owners_note(struct owners *o, const struct request *r, struct qube *q);

#endif
