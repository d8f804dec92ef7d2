/* The device whose memory is the qube's window memory. */
#ifndef BULKHEAD_GUI_AGENT_MEMORY_DEVICE_H
#define BULKHEAD_GUI_AGENT_MEMORY_DEVICE_H

#include "base/err.h"

/*
 * Finds the device among those of the PCI bus, switches it on, and opens its memory for writing,
 * which only root may. A descriptor to map, or -1 with the error; its code is ENODEV without one.
 */
int memory_device_open(struct err *err);

#endif
