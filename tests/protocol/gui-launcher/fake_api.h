/* An Admin API of two qubes for the launcher: what it asks for is answered from a small table. */
#ifndef TESTS_FAKE_API_H
#define TESTS_FAKE_API_H

#include <stdbool.h>

/* Listens at $BULKHEAD_ROOT/run/qubesd.sock, in a thread. */
void fake_api_start(void);
void fake_api_stop(void);

/* Which qubes run: "work", "personal", both or none. */
void fake_api_set_running(const char *name, bool running);
/* Whether "personal" is a disposable that is kept ready. */
void fake_api_set_unused(bool unused);
/* A feature of a qube, or of dom0: NULL takes it away. The text has to stay. */
void fake_api_set_feature(const char *qube, const char *feature, const char *value);
/* dom0's keyboard layout, which the qubes have too. */
const char *fake_api_layout(void);

/* Waits until somebody follows the events; sends one. */
void fake_api_await_follower(void);
void fake_api_send_event(const char *subject, const char *name);
/* Ends the streams of events, as a restart of the daemon does. */
void fake_api_hang_up(void);

#endif
