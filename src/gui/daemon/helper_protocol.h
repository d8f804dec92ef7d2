/*
 * Between the daemon and its helper: records of a fixed head and `size` bytes, over a pair of
 * sockets that nobody else has. Descriptors come over a second pair, before the record that tells
 * of them. The daemon is confined because it might be lost: the helper checks what it says.
 */
#ifndef BULKHEAD_GUI_HELPER_PROTOCOL_H
#define BULKHEAD_GUI_HELPER_PROTOCOL_H

#include <stdint.h>

#define HELPER_DATA_MAX 256000

enum helper_type {
	/* to the helper */
	HELPER_CONNECT = 1,
	HELPER_COPY,   /* a: X time, b: agent's version; the data */
	HELPER_REFUSE, /* a: X time, b: agent's version, c: bytes the qube wanted to send */
	HELPER_PASTE,  /* a: X time, b: window */
	HELPER_NOTIFY, /* a text of ours */
	HELPER_ASK,    /* the same, with the choice to end the qube */
	/* to the daemon */
	HELPER_CONNECTED, /* a: number of descriptors, 1 or 2 */
	HELPER_REFUSED,
	HELPER_PASTED, /* b: window; the data */
};

struct helper_head {
	uint32_t type, a, b, c, size;
};

struct gui_config;

/* The helper's side: serves until the daemon closes. Returns the exit status. */
int helper_serve(const struct gui_config *config, int socket_fd, int descriptor_fd);

#endif
