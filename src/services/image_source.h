/*
 * What qubes.GetImageRGBA is asked for (spec guest.md 1B.8): a file, an icon by its name, or an
 * image that follows. Pure parsing, and the search for an icon.
 */
#ifndef BULKHEAD_SERVICES_IMAGE_SOURCE_H
#define BULKHEAD_SERVICES_IMAGE_SOURCE_H

#include <stddef.h>

#include "base/err.h"

#define IMAGE_LINE_MAX 4096

enum image_source_kind {
	IMAGE_FILE,
	IMAGE_ICON,
	IMAGE_FOLLOWS,
};

struct image_source {
	enum image_source_kind kind;
	const char *name;   /* of the file or the icon, within the line */
	const char *format; /* as image_format_of() gives it; NULL: by its first bytes */
};

/* Reads the line, without its end, and changes it. 0 or -1 with the error. */
int image_source_parse(char *untrusted_line, struct image_source *ret_source, struct err *err);

/* A format that may be asked for (png, jpg, svg, ...), as the decoder names it. NULL: none. */
const char *image_format_of(const char *word);
/* The same by the first bytes of an image. */
const char *image_format_detect(const void *untrusted_bytes, size_t size);

/*
 * The file of an icon that is best for a menu: of the right size rather than large. The caller
 * frees it. NULL: there is none.
 */
char *image_find_icon(const char *name);
/* How good a file in a theme is, by its path; less is better. For image_find_icon() and tests. */
int image_icon_distance(const char *path);

#endif
