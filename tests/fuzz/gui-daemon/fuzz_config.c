/* The small languages of guid.conf and features: whatever is accepted is within its limits. */
#include <stdlib.h>
#include <string.h>

#include "gui/daemon/config.h"
#include "gui/daemon/tint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gui_tray_mode mode;
	struct gui_chord chord;
	uint32_t colour;
	char text[256];

	if (size < 4 || size >= sizeof(text) + 4)
		return 0;
	memcpy(text, data + 4, size - 4);
	text[size - 4] = '\0';
	if (gui_parse_colour(text, &colour) == 0 && colour > 0xffffff)
		abort();
	if (gui_parse_chord(text, &chord) == 0 && chord.modifiers > 127)
		abort();
	if (gui_parse_tray_mode(text, &mode) == 0) {
		memcpy(&colour, data, 4);
		if (mode.border > 2 || tint_tray_pixel(colour, colour / 3, &mode) > 0xffffff)
			abort();
	}
	return 0;
}
