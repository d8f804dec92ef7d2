/* A login without a password for a user whom dom0 named: by PAM where it was built in. */
#ifndef BULKHEAD_QREXEC_SESSION_LOGIN_H
#define BULKHEAD_QREXEC_SESSION_LOGIN_H

#include "base/err.h"

struct login;

/* Opens it; must run as root. NULL with the error. */
struct login *login_open(const char *user, struct err *err);

/* The environment that the login gives; NULL-terminated, valid until it is closed. */
const char *const *login_environment(const struct login *login);

void login_close(struct login *login);

#endif
