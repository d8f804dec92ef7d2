/*
 * Processors that the host held back. Under software emulation qubes boot on one processor: a
 * second that runs while devices are being set up can crash the emulator (docs/hypervisor.md).
 */
#ifndef BULKHEAD_QUBE_INIT_PROCESSORS_H
#define BULKHEAD_QUBE_INIT_PROCESSORS_H

/* Switches on every processor that is there and off. Logs those that do not come. */
void processors_bring_up(void);

#endif
