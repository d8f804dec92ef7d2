/* Telling the service manager that start-up is complete. */
#ifndef BULKHEAD_QREXEC_NOTIFY_H
#define BULKHEAD_QREXEC_NOTIFY_H

/* Sends READY=1 to $NOTIFY_SOCKET, once a process; without the variable nothing happens. */
void notify_ready(void);

#endif
