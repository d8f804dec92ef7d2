/* gui-daemon as a whole: puts core, display, helper and the qube's stream together. */
#ifndef BULKHEAD_GUI_DAEMON_H
#define BULKHEAD_GUI_DAEMON_H

#include "gui/daemon/config.h"

/* Exit statuses beside 0: asked to end, or the qube is gone. */
#define GUI_EXIT_FAILED 1
/* The qube broke the protocol: starting again by itself would give it endless attempts. */
#define GUI_EXIT_VIOLATION 3

/*
 * Runs until it is told to end. ready_fd gets a byte when the agent is connected, and is closed.
 * Returns the exit status.
 */
int gui_daemon_run(const struct gui_config *config, int ready_fd);

extern const char gui_usage[];
enum gui_options_result {
	GUI_OPTIONS_RUN,
	GUI_OPTIONS_HELP,
	GUI_OPTIONS_VERSION,
};

/* Defaults, configuration file, command line. An enum gui_options_result, or -1 with the error. */
int gui_options_parse(struct gui_config *c, int argc, char **argv, struct err *err);

#endif
