/* The launcher that stays: see watch.c. */
#ifndef BULKHEAD_GUI_WATCH_H
#define BULKHEAD_GUI_WATCH_H

#include "gui/launcher/launcher.h"

/* Returns when it is told to end. The exit status. */
int watch_run(const struct launcher_options *options);

#endif
