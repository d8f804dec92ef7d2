/* The host asks a qube to stop by its power button: an input device of the kernel. */
#ifndef BULKHEAD_QUBE_INIT_POWER_H
#define BULKHEAD_QUBE_INIT_POWER_H

#include <stdbool.h>
#include <stddef.h>

#define POWER_BUTTONS_MAX 4

/* Opens every input device with a power key; returns their number. */
size_t power_open_buttons(int ret_fds[POWER_BUTTONS_MAX]);

/* Takes what a button's device has to say; whether it was pressed. */
bool power_button_pressed(int fd);

#endif
