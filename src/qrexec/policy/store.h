/*
 * The policy in force: compiled once, read again when a file it rests on changes. A change takes
 * effect at the next question, whole or not at all; one that does not parse makes every call
 * refused, with the error in the log, until it is repaired.
 *
 * Changes are noticed by inotify, and by stat() of everything the policy rests on (once a second
 * while questions come; at every question while the policy is broken or inotify is not to be had),
 * because some file systems tell inotify nothing. A checksum over all text tells a real change
 * from a touch.
 */
#ifndef BULKHEAD_QREXEC_POLICY_STORE_H
#define BULKHEAD_QREXEC_POLICY_STORE_H

#include "qrexec/policy/files.h"
#include "qrexec/policy/policy.h"

struct policy_store;

/* `directories` is copied. Never NULL: what can not be read is a policy with an error. */
struct policy_store *policy_store_create(const struct policy_directories *directories);
void policy_store_destroy(struct policy_store *s);

/* Readable when a file changed; -1 without inotify. For a loop to call policy_store_current(). */
int policy_store_fd(const struct policy_store *s);

/* The policy in force now; borrowed until the next call. */
struct policy *policy_store_current(struct policy_store *s);

/* Has what is looked at compared at the next question, whatever the time. For tests. */
void policy_store_expire(struct policy_store *s);

#endif
