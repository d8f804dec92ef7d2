/* The small languages of guid.conf: colours, key chords, tray modes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <xkbcommon/xkbcommon.h>

#include "gui/daemon/config.h"

static const struct {
	const char *name;
	uint32_t colour;
} colour_names[] = {
	{"black", 0x000000},
	{"blue", 0x0000ff},
	{"brown", 0xa52a2a},
	{"cyan", 0x00ffff},
	{"gold", 0xffd700},
	{"gray", 0xbebebe},
	{"green", 0x00ff00},
	{"grey", 0xbebebe},
	{"magenta", 0xff00ff},
	{"navy", 0x000080},
	{"orange", 0xffa500},
	{"pink", 0xffc0cb},
	{"purple", 0xa020f0},
	{"red", 0xff0000},
	{"violet", 0xee82ee},
	{"white", 0xffffff},
	{"yellow", 0xffff00},
};

int
gui_parse_colour(const char *text, uint32_t *ret_colour)
{
	const char *digits = text;

	for (size_t i = 0; i < sizeof(colour_names) / sizeof(colour_names[0]); i++) {
		if (strcasecmp(text, colour_names[i].name) == 0) {
			*ret_colour = colour_names[i].colour;
			return 0;
		}
	}
	if (text[0] == '#')
		digits = text + 1;
	else if (strncmp(text, "0x", 2) == 0)
		digits = text + 2;
	else
		return -EINVAL;
	if (strlen(digits) != 6 || strspn(digits, "0123456789abcdefABCDEF") != 6)
		return -EINVAL;
	*ret_colour = (uint32_t)strtoul(digits, NULL, 16);
	return 0;
}

static const struct {
	const char *prefix;
	uint32_t modifier; /* as in the state of an X event */
} modifiers[] = {
	{"Shift-", 1 << 0},
	{"Ctrl-", 1 << 2},
	{"Mod1-", 1 << 3},
	{"Alt-", 1 << 3},
	{"Mod2-", 1 << 4},
	{"Mod3-", 1 << 5},
	{"Mod4-", 1 << 6},
};

/* Takes one prefix off; 0 when there is none. */
static uint32_t
take_modifier(const char **text)
{
	for (size_t i = 0; i < sizeof(modifiers) / sizeof(modifiers[0]); i++) {
		size_t length = strlen(modifiers[i].prefix);

		if (strncasecmp(*text, modifiers[i].prefix, length) == 0) {
			*text += length;
			return modifiers[i].modifier;
		}
	}
	return 0;
}

int
gui_parse_chord(const char *text, struct gui_chord *ret_chord)
{
	struct gui_chord chord = {0};
	uint32_t modifier;

	if (strcasecmp(text, "none") == 0 || strcasecmp(text, "disable") == 0) {
		*ret_chord = chord;
		return 0;
	}
	while ((modifier = take_modifier(&text)) != 0)
		chord.modifiers |= modifier;
	chord.keysym = xkb_keysym_from_name(text, XKB_KEYSYM_NO_FLAGS);
	if (chord.keysym == XKB_KEY_NoSymbol)
		return -EINVAL;
	*ret_chord = chord;
	return 0;
}

static bool
take_word(const char **text, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*text, word, length) != 0)
		return false;
	*text += length;
	return true;
}

static int
parse_tint_options(const char *text, struct gui_tray_mode *mode)
{
	while (*text != '\0') {
		if (take_word(&text, "+border1"))
			mode->border = 1;
		else if (take_word(&text, "+border2"))
			mode->border = 2;
		else if (take_word(&text, "+saturation50"))
			mode->half_saturation = true;
		else if (take_word(&text, "+whitehack"))
			mode->keep_white = true;
		else
			return -EINVAL;
	}
	return 0;
}

int
gui_parse_tray_mode(const char *text, struct gui_tray_mode *ret_mode)
{
	struct gui_tray_mode mode = {.colouring = GUI_TRAY_BORDER};

	if (text_equal(text, "bg")) {
		mode.colouring = GUI_TRAY_BACKGROUND;
	} else if (text_equal(text, "border1")) {
		mode.border = 1;
	} else if (text_equal(text, "border2")) {
		mode.border = 2;
	} else if (take_word(&text, "tint")) {
		mode.colouring = GUI_TRAY_TINT;
		if (parse_tint_options(text, &mode) < 0)
			return -EINVAL;
	} else {
		return -EINVAL;
	}
	*ret_mode = mode;
	return 0;
}
