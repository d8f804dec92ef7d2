/*
 * Ways to policy agents. The policy daemon confines itself to what answering questions needs; a
 * process of its own, the courier, is left what reaching an agent needs on top: to connect to a
 * socket of the user's, and to start qrexec-client for an agent in another qube. It hands over a
 * connected descriptor and never sees a byte of what is said.
 */
#ifndef BULKHEAD_QREXEC_POLICY_COURIER_H
#define BULKHEAD_QREXEC_POLICY_COURIER_H

#include "base/err.h"
#include "base/loop.h"

enum courier_service {
	COURIER_ASK,
	COURIER_NOTIFY,
	COURIER_SERVICES,
};

/* "policy.Ask", "policy.Notify". */
const char *courier_service_name(enum courier_service service);

struct courier;

/*
 * Starts the process: before the caller has a loop or confines itself. `client` is the program
 * that calls other qubes. The descriptor to it, or -1 with the error.
 */
int courier_start(const char *client, struct err *err);

/* Takes the descriptor over. NULL with errno set. Without the courier the loop is ended: whoever
 * restarts the daemon starts it, too. */
struct courier *courier_create(struct loop *loop, int fd);
void courier_destroy(struct courier *c);

/* A descriptor that is the callee's, or a negative errno. Called once, from the loop. */
typedef void (*courier_callback)(int fd_or_error, void *data);

struct errand;

/*
 * Asks for a way to the agent of a GUI qube (dom0: the agent of this host). What is written goes
 * to the agent right after the header that names the service. NULL: too much is asked already.
 */
struct errand *courier_ask(struct courier *c, const char *gui_qube, enum courier_service service,
	courier_callback callback, void *data);
void courier_cancel(struct errand *errand);

#endif
