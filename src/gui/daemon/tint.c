/* Tinting; see tint.h. */
#include "gui/daemon/tint.h"

#include <math.h>

struct hls {
	double hue, lightness, saturation; /* each 0 to 1 */
};

static double
channel(uint32_t pixel, int shift)
{
	return (double)(pixel >> shift & 0xff) / 255;
}

static struct hls
to_hls(uint32_t pixel)
{
	double red = channel(pixel, 16), green = channel(pixel, 8), blue = channel(pixel, 0);
	double greatest = fmax(red, fmax(green, blue)), least = fmin(red, fmin(green, blue));
	double range = greatest - least;
	struct hls c = {.lightness = (greatest + least) / 2};

	if (range <= 0)
		return c;
	c.saturation =
		c.lightness <= 0.5 ? range / (greatest + least) : range / (2 - greatest - least);
	if (greatest <= red)
		c.hue = (green - blue) / range / 6;
	else if (greatest <= green)
		c.hue = (2 + (blue - red) / range) / 6;
	else
		c.hue = (4 + (red - green) / range) / 6;
	if (c.hue < 0)
		c.hue += 1;
	return c;
}

static uint32_t
hls_channel(double low, double high, double hue)
{
	double value;

	if (hue < 0)
		hue += 1;
	if (hue > 1)
		hue -= 1;
	if (hue < 1.0 / 6)
		value = low + (high - low) * hue * 6;
	else if (hue < 0.5)
		value = high;
	else if (hue < 2.0 / 3)
		value = low + (high - low) * (2.0 / 3 - hue) * 6;
	else
		value = low;
	return (uint32_t)(value * 255 + 0.5);
}

static uint32_t
from_hls(struct hls c)
{
	double high = c.lightness <= 0.5 ? c.lightness * (1 + c.saturation)
					 : c.lightness + c.saturation - c.lightness * c.saturation;
	double low = 2 * c.lightness - high;

	return hls_channel(low, high, c.hue + 1.0 / 3) << 16 | hls_channel(low, high, c.hue) << 8 |
	       hls_channel(low, high, c.hue - 1.0 / 3);
}

uint32_t
tint_tray_pixel(uint32_t pixel, uint32_t label, const struct gui_tray_mode *mode)
{
	struct hls own = to_hls(pixel), target = to_hls(label);

	if (mode->keep_white && (pixel & 0xffffff) == 0xffffff)
		return 0xfefefe;
	own.hue = target.hue;
	own.saturation = mode->half_saturation ? target.saturation / 2 : target.saturation;
	return from_hls(own);
}

static uint32_t
greatest_of(uint32_t pixel)
{
	uint32_t red = pixel >> 16 & 0xff, green = pixel >> 8 & 0xff, blue = pixel & 0xff;
	uint32_t most = red > green ? red : green;

	return most > blue ? most : blue;
}

static uint32_t
least_of(uint32_t pixel)
{
	return 255 - greatest_of(~pixel);
}

/* Keeps grey near grey: what had a colour of its own takes the label's in the same strength. */
uint32_t
tint_icon_pixel(uint32_t pixel, uint32_t label)
{
	uint32_t alpha = pixel >> 24, out = alpha << 24;
	uint32_t least = least_of(pixel), colour = greatest_of(pixel) - least;
	double colour2 = (255 + 3.0 * colour) / 4;
	double least2 = colour == 255 ? 0 : least * (255 - colour2) / (255 - colour);
	uint32_t label_least = least_of(label), label_range = greatest_of(label) - label_least;

	for (int shift = 0; shift <= 16; shift += 8) {
		double part = 0.5;
		uint32_t value;

		if (label_range > 0)
			part = (double)((label >> shift & 0xff) - label_least) / label_range;
		value = (uint32_t)floor(least2 + part * colour2);
		out |= (value > alpha ? alpha : value) << shift;
	}
	return out;
}
