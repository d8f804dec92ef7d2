/* The part of a session that runs as its user and starts programs there. */
#ifndef BULKHEAD_QREXEC_SESSION_SERVE_H
#define BULKHEAD_QREXEC_SESSION_SERVE_H

/*
 * Serves requests (session_request.h) until their last sender is gone and the last program that
 * was started has ended. `environment_fd` gives the environment of the session as it was before
 * the user's profile. Returns the process's exit status.
 */
int session_serve(int request_fd, int environment_fd);

#endif
