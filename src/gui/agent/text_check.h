/* Whether text from elsewhere is nothing but text. */
#ifndef BULKHEAD_GUI_AGENT_TEXT_CHECK_H
#define BULKHEAD_GUI_AGENT_TEXT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* Printable ASCII, line feeds, tabs, carriage returns before a line feed, well-formed UTF-8. */
bool text_is_clean(const char *text, size_t size);

#endif
