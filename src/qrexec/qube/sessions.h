/*
 * Sessions of users, kept by the agent while calls come: a login (PAM, the user's profile) costs
 * far more than a call. Each is a process qrexec-session, see session_main.c; it is opened at the
 * first call for its user, or before it, and closed when no call has needed it for a while.
 */
#ifndef BULKHEAD_QREXEC_SESSIONS_H
#define BULKHEAD_QREXEC_SESSIONS_H

#include "base/loop.h"

struct sessions;
struct session;

struct sessions *sessions_create(struct loop *loop);
void sessions_destroy(struct sessions *sessions);

/* The session of a user, opened if need be. NULL when that cannot be (logged). Whether the user
 * exists is found out by the session itself: it then ends, and requests to it fail. */
struct session *sessions_take(struct sessions *sessions, const char *user);

/* Opens one that no call needs yet, so that the first finds it; it stays until one has. */
void sessions_prepare(struct sessions *sessions, const char *user);

/* One call less. NULL is fine. */
void sessions_release(struct sessions *sessions, struct session *session);

/* Where requests go (session_request.h); -1 for NULL. */
int session_fd(const struct session *session);

#endif
