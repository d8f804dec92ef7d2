/* Shapes in label colours; see shape.h. Coordinates are hundredths of the square. */
#include "qrexec/prompt/shape.h"

#define UNKNOWN_COLOR 0xbbbbbb
#define LINE_WIDTH 6

static void
set_color(cairo_t *cr, uint32_t color, double brightness)
{
	cairo_set_source_rgb(cr, brightness * (color >> 16 & 0xff) / 255,
		brightness * (color >> 8 & 0xff) / 255, brightness * (color & 0xff) / 255);
}

static void
draw_face(cairo_t *cr, const double points[8], uint32_t color, double brightness)
{
	cairo_move_to(cr, points[0], points[1]);
	for (int i = 2; i < 8; i += 2)
		cairo_line_to(cr, points[i], points[i + 1]);
	cairo_close_path(cr);
	set_color(cr, color, brightness);
	cairo_fill(cr);
}

static void
outline_cube(cairo_t *cr, bool broken)
{
	static const double corners[][2] = {
		{50, 8}, {90, 28}, {90, 72}, {50, 92}, {10, 72}, {10, 28}};
	static const double dashes[] = {12, 8};

	cairo_move_to(cr, corners[0][0], corners[0][1]);
	for (int i = 1; i < 6; i++)
		cairo_line_to(cr, corners[i][0], corners[i][1]);
	cairo_close_path(cr);
	if (broken)
		cairo_set_dash(cr, dashes, 2, 0);
	cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
	cairo_set_line_width(cr, LINE_WIDTH);
	cairo_stroke(cr);
}

static void
draw_cube(cairo_t *cr, uint32_t color, bool broken)
{
	static const double top[] = {50, 8, 90, 28, 50, 48, 10, 28};
	static const double left[] = {10, 28, 50, 48, 50, 92, 10, 72};
	static const double right[] = {90, 28, 90, 72, 50, 92, 50, 48};

	draw_face(cr, top, color, 1.0);
	draw_face(cr, left, color, 0.85);
	draw_face(cr, right, color, 0.7);
	outline_cube(cr, broken);
}

static void
draw_lock(cairo_t *cr, uint32_t color)
{
	cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
	cairo_set_line_width(cr, 12);
	cairo_arc(cr, 50, 42, 22, 3.14159265, 0);
	cairo_stroke(cr);
	cairo_rectangle(cr, 16, 42, 68, 50);
	set_color(cr, color, 1.0);
	cairo_fill_preserve(cr);
	cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
	cairo_set_line_width(cr, LINE_WIDTH);
	cairo_stroke(cr);
}

void
shape_draw(cairo_t *cr, const struct request_qube *qube, double size)
{
	uint32_t color = qube->color != REQUEST_NO_COLOR ? qube->color : UNKNOWN_COLOR;

	cairo_save(cr);
	cairo_scale(cr, size / 100, size / 100);
	if (qube->shape == SHAPE_HOST)
		draw_lock(cr, color);
	else
		draw_cube(cr, color, qube->shape == SHAPE_DISPOSABLE);
	cairo_restore(cr);
}

cairo_surface_t *
shape_surface(const struct request_qube *qube, int size)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, size, size);
	cairo_t *cr = cairo_create(surface);

	shape_draw(cr, qube, size);
	cairo_destroy(cr);
	return surface;
}
