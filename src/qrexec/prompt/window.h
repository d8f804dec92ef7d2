/* The window of a prompt (spec qrexec.md 7.2). */
#ifndef BULKHEAD_QREXEC_PROMPT_WINDOW_H
#define BULKHEAD_QREXEC_PROMPT_WINDOW_H

#include "qrexec/prompt/request.h"

/* `answer` is borrowed; "deny" or as of request_answer(). Called once. */
typedef void (*window_callback)(const char *answer);

/* Shows the window; the request is borrowed. GTK is initialised, its main loop runs later. */
void window_show(const struct request *request, window_callback callback);

#endif
