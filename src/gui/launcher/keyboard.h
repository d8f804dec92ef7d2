/*
 * The keyboard layout of the display: what the host types with, the qubes type with too (spec
 * gui.md 4.1). The launcher makes it dom0's property keyboard_layout, whose value the qubes
 * inherit.
 */
#ifndef BULKHEAD_GUI_KEYBOARD_H
#define BULKHEAD_GUI_KEYBOARD_H

#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"

#define KEYBOARD_LAYOUT_MAX 256
/* What a qube has without being told. */
#define KEYBOARD_LAYOUT_DEFAULT "us++"

/*
 * "LAYOUT+VARIANT+OPTIONS" of the group that is switched on, from the X property _XKB_RULES_NAMES
 * (texts, each with its NUL: rules, model, layouts, variants, options). Options that switch groups
 * are left out: the host does that. 0 or -EINVAL.
 */
int keyboard_layout_text(
	const char *names, size_t size, unsigned int group, char ret_text[KEYBOARD_LAYOUT_MAX]);

struct keyboard;

/* handle_layout: what it is now and whenever it changes. NULL with the error. */
struct keyboard *keyboard_open(struct loop *loop,
	void (*handle_layout)(void *data, const char *layout), void *data, struct err *err);
void keyboard_close(struct keyboard *k);

#endif
