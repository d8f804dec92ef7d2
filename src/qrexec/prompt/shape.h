/* What is drawn before a qube's name: a cube in the colour of its label, with a broken outline for
 * a disposable, a lock for the host. Drawn here, so that no picture is read from anywhere. */
#ifndef BULKHEAD_QREXEC_PROMPT_SHAPE_H
#define BULKHEAD_QREXEC_PROMPT_SHAPE_H

#include <cairo.h>

#include "qrexec/prompt/request.h"

/* Into a square of that many pixels at the origin. */
void shape_draw(cairo_t *cr, const struct request_qube *qube, double size);

/* The same as a picture of its own, which the caller destroys. */
cairo_surface_t *shape_surface(const struct request_qube *qube, int size);

#endif
