/* Titles, cut to what a message holds. */
#ifndef BULKHEAD_GUI_AGENT_TITLE_H
#define BULKHEAD_GUI_AGENT_TITLE_H

#include <stddef.h>

#include "gui/protocol/protocol.h"

/*
 * Copies a title of `size` bytes, up to a NUL among them. What is too long ends before the
 * character that does not fit, with an ellipsis. All bytes of the result are set.
 */
void title_cut(char ret_title[GUI_TITLE_BYTES], const char *text, size_t size);

#endif
