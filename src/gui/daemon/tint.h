/* Colouring of a qube's icons with its label's colour (spec gui.md 6.7, 6.8). Pure. */
#ifndef BULKHEAD_GUI_TINT_H
#define BULKHEAD_GUI_TINT_H

#include <stdint.h>

#include "gui/daemon/config.h"

/* The pixel with the label's hue and saturation, and its own lightness. */
uint32_t tint_tray_pixel(uint32_t pixel, uint32_t label, const struct gui_tray_mode *mode);

/* One pixel 0xAARRGGBB of a window's icon. No colour exceeds the alpha. */
uint32_t tint_icon_pixel(uint32_t pixel, uint32_t label);

#endif
