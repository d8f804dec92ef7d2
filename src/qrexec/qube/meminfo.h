/* The qube's reporter of its memory use, which sleeps until the first program is started. */
#ifndef BULKHEAD_QREXEC_MEMINFO_H
#define BULKHEAD_QREXEC_MEMINFO_H

/* Sends SIGUSR1 to the process named in /var/run/meminfo-writer.pid, if there is one. */
void meminfo_wake_writer(void);

#endif
