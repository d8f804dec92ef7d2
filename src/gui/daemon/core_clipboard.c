/*
 * The chords, and the clipboard of the qube on its way to us (spec gui.md 5). A request is for one
 * answer: it expires, and a newer chord, the answer, or the end of the connection takes it away.
 */
#include <errno.h>

#include "base/log.h"
#include "gui/daemon/core_private.h"

/* Shift, Control, Mod1, Mod3, Mod4; locks do not count. */
#define CHORD_MODIFIERS 0x6dU

static bool
is_chord(const struct gui_chord *chord, uint32_t state, uint32_t keysym)
{
	return chord->keysym != 0 && chord->keysym == keysym &&
	       (state & CHORD_MODIFIERS) == (chord->modifiers & CHORD_MODIFIERS);
}

static void
begin_copy(struct gui_window *w, uint32_t time)
{
	struct core_clipboard *clipboard = &w->core->clipboard;

	clipboard->requested = true;
	clipboard->time = time;
	clipboard->requested_at_ms = core_now_ms(w->core);
	core_send_bare(w->core, GUI_CLIPBOARD_REQ, w->id);
}

/*
 * A window that took the focus a moment ago may have done so to catch the chord that was meant for
 * another; a click into it shows that it is meant.
 */
static bool
is_guarded(struct gui_window *w)
{
	struct core *c = w->core;

	return c->config->paste_guard_ms > 0 && !w->button_since_focus &&
	       core_now_ms(c) - w->focus_time_ms < c->config->paste_guard_ms;
}

static void
begin_paste(struct gui_window *w, uint32_t time)
{
	struct core *c = w->core;

	core_clipboard_forget(c);
	if (is_guarded(w)) {
		core_notice(c, &c->guard_notice_ms,
			"A window of this qube took the focus just before you pasted; nothing was "
			"pasted. Press the keys again.");
		return;
	}
	c->handler->handle_paste(c->data, w->id, time);
}

bool
core_clipboard_chord(
	struct gui_window *w, const struct gui_key *key, uint32_t keysym, uint32_t time)
{
	struct core *c = w->core;
	bool copy = is_chord(&c->config->copy, key->state, keysym);
	bool paste = is_chord(&c->config->paste, key->state, keysym);

	if (key->type == GUI_EVENT_KEY_RELEASE) {
		/* The modifiers may have gone up before. */
		if (key->keycode == c->swallowed_key) {
			c->swallowed_key = 0;
			return true;
		}
		return copy || paste;
	}
	if (!copy && !paste)
		return false;
	/* Held down it repeats; the chord is one. */
	if (key->keycode == c->swallowed_key)
		return true;
	c->swallowed_key = key->keycode;
	if (copy)
		begin_copy(w, time);
	else
		begin_paste(w, time);
	return true;
}

void
core_clipboard_forget(struct core *c)
{
	c->clipboard.requested = c->clipboard.receiving = false;
	c->clipboard.left = 0;
	buf_clear(&c->clipboard.data);
}

int
core_clipboard_begin(struct core *c, uint32_t length)
{
	struct core_clipboard *clipboard = &c->clipboard;
	uint64_t now = core_now_ms(c);

	if (clipboard->requested && now - clipboard->requested_at_ms > CORE_CLIPBOARD_TIMEOUT_MS)
		clipboard->requested = false;
	if (!clipboard->requested && core_may_complain(c))
		log_warning("clipboard: %u bytes that nobody asked for are ignored", length);
	clipboard->receiving = true;
	clipboard->accepted = clipboard->requested;
	clipboard->requested = false;
	clipboard->left = length;
	clipboard->deadline_ms = now + CORE_CLIPBOARD_TIMEOUT_MS;
	buf_clear(&clipboard->data);
	return 0;
}

static void
finish_answer(struct core *c)
{
	struct core_clipboard *clipboard = &c->clipboard;
	uint32_t length = c->header.untrusted_length;

	clipboard->receiving = false;
	if (!clipboard->accepted)
		return;
	if (length > c->config->max_clipboard_bytes)
		c->handler->handle_copy(c->data, CORE_COPY_OVERSIZE, NULL, length, clipboard->time,
			c->agent_version);
	else
		c->handler->handle_copy(c->data, CORE_COPY_DONE, buf_data(&clipboard->data), length,
			clipboard->time, c->agent_version);
	buf_clear(&clipboard->data);
}

int
core_clipboard_take(struct core *c, struct buf *in, struct err *err)
{
	struct core_clipboard *clipboard = &c->clipboard;
	size_t size = buf_len(in) < clipboard->left ? buf_len(in) : clipboard->left;
	bool keep =
		clipboard->accepted && c->header.untrusted_length <= c->config->max_clipboard_bytes;

	if (core_now_ms(c) > clipboard->deadline_ms)
		return core_violation(c, err, c->header.window, "it took too long");
	if (keep && buf_put(&clipboard->data, buf_data(in), size) < 0)
		return err_set(err, ENOMEM, "no memory for the clipboard");
	buf_consume(in, size);
	clipboard->left -= (uint32_t)size;
	if (clipboard->left > 0)
		return 0;
	finish_answer(c);
	return 1;
}

void
core_paste(struct core *c, uint32_t window, const void *bytes, size_t size)
{
	struct gui_message m = {
		.type = GUI_CLIPBOARD_DATA,
		.window = window,
		.following = (uint32_t)size,
	};

	if (c->state != CORE_RUNNING || size == 0 || size > GUI_CLIPBOARD_MAX)
		return;
	/* Before that version the length stood where the window does now. */
	if (!core_has_minor(c, GUI_MINOR_CLIPBOARD_LENGTH))
		m.window = (uint32_t)size;
	if (!core_has_minor(c, GUI_MINOR_LARGE_CLIPBOARD) && size > GUI_CLIPBOARD_MAX_OLD)
		return;
	if (GUI_HEADER_BYTES + size > buf_room(&c->out)) {
		c->stuck = true;
		return;
	}
	core_send(c, &m);
	if (buf_put(&c->out, bytes, size) < 0)
		c->stuck = true;
	c->handler->handle_output(c->data);
}
