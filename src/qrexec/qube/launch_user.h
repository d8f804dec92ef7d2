/*
 * Starting programs for the agent: as the user of the call, through a session of that user, or as
 * ourselves where users are not changed.
 */
#ifndef BULKHEAD_QREXEC_LAUNCH_USER_H
#define BULKHEAD_QREXEC_LAUNCH_USER_H

#include <stdbool.h>

#include "qrexec/qube/handler.h"

struct user_launcher {
	const char *user;
	const char *own_user; /* whom we run as; "" when that is not known */
	bool change_users;
	int session_fd; /* -1: there is none */
};

/* Makes the handler start its programs this way; the launcher must stay. */
void launcher_set(const struct user_launcher *launcher, struct handler *handler);

#endif
