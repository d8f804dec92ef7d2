/*
 * Calls of qubes to the person's session: qrexec connects to a socket of ours, says which qube
 * calls which service, and what follows is the qube's. The head is qrexec's word and is taken off
 * here; not one byte of the qube is read.
 */
#ifndef BULKHEAD_GUI_CALLERS_H
#define BULKHEAD_GUI_CALLERS_H

#include "base/err.h"
#include "base/loop.h"

#define CALLERS_ICONS_SOCKET "/run/qubes/window-icons.sock"

struct callers;

/* `fd` is the caller's stream, for the callback to keep or close. */
typedef void (*callers_callback)(void *data, const char *qube, int fd);

/* Listens at the path (as it is) for one service. NULL with the error. */
struct callers *callers_listen(struct loop *loop, const char *path, const char *service,
	callers_callback callback, void *data, struct err *err);
void callers_close(struct callers *c);

#endif
