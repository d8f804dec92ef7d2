/* The atoms that the agent speaks of, interned in one round trip. */
#ifndef BULKHEAD_GUI_AGENT_ATOMS_H
#define BULKHEAD_GUI_AGENT_ATOMS_H

#include <xcb/xcb.h>

#include "base/err.h"

/* Members of struct atoms, which are their names but for those of ATOM_NAMED. */
#define ATOMS(ATOM, ATOM_NAMED)                                                                    \
	ATOM(CLIPBOARD)                                                                            \
	ATOM(COMPOUND_TEXT)                                                                        \
	ATOM(INCR)                                                                                 \
	ATOM(MANAGER)                                                                              \
	ATOM(TARGETS)                                                                              \
	ATOM(TIMESTAMP)                                                                            \
	ATOM(UTF8_STRING)                                                                          \
	ATOM(WM_CHANGE_STATE)                                                                      \
	ATOM(WM_DELETE_WINDOW)                                                                     \
	ATOM(WM_PROTOCOLS)                                                                         \
	ATOM(WM_STATE)                                                                             \
	ATOM(WM_TAKE_FOCUS)                                                                        \
	ATOM(_BULKHEAD_TRANSFER)                                                                   \
	ATOM(_NET_SUPPORTED)                                                                       \
	ATOM(_NET_SUPPORTING_WM_CHECK)                                                             \
	ATOM(_NET_SYSTEM_TRAY_OPCODE)                                                              \
	ATOM(_NET_SYSTEM_TRAY_S0)                                                                  \
	ATOM(_NET_WM_MOVERESIZE)                                                                   \
	ATOM(_NET_WM_NAME)                                                                         \
	ATOM(_NET_WM_STATE)                                                                        \
	ATOM(_NET_WM_STATE_DEMANDS_ATTENTION)                                                      \
	ATOM(_NET_WM_STATE_FULLSCREEN)                                                             \
	ATOM(_NET_WM_STATE_HIDDEN)                                                                 \
	ATOM(_XEMBED)                                                                              \
	ATOM_NAMED(utf8_plain_text, "text/plain;charset=utf-8")

#define ATOMS_MEMBER(name) xcb_atom_t name;
#define ATOMS_NAMED_MEMBER(member, name) xcb_atom_t member;
struct atoms {
	ATOMS(ATOMS_MEMBER, ATOMS_NAMED_MEMBER)
};

/* 0 or -1 with the error. */
int atoms_intern(xcb_connection_t *x, struct atoms *ret_atoms, struct err *err);

#endif
