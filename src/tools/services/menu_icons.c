/* Fetching and drawing icons (menu_icons.h). They are kept as the checked bytes that came. */
#include "tools/services/menu_icons.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/services/image.h"
#include "tools/services/qube_call.h"

#define ICON_TIMEOUT_MS 10000
/* For all icons of a qube together: it must not keep us for ever. */
#define ICONS_SECONDS 300

static int
fetch_icon(const char *qube, const struct menu_program *program, const char *directory,
	struct err *err)
{
	AUTO_FREE char *question = text_format("%s%s\n",
		program->fields[MENU_ICON][0] == '/' ? "" : "xdgicon:", program->fields[MENU_ICON]);
	AUTO_FREE char *path = text_format("%s/%s" MENU_ICON_SUFFIX, directory, program->id);
	AUTO_BUF struct buf answer;
	struct image image;

	buf_init(&answer, ICON_BYTES_MAX);
	if (qube_call(qube, "qubes.GetImageRGBA", question, ICON_TIMEOUT_MS, &answer, err) < 0)
		return -1;
	if (image_parse(buf_data(&answer), buf_len(&answer), ICON_SIDE_MAX, ICON_SIDE_MAX, &image) <
		0)
		return err_set(err, EBADMSG, "what came is not an icon");
	return write_file(path, buf_data(&answer), buf_len(&answer), 0644, err);
}

void
menu_icons_fetch(const char *qube, const struct menu *menu, const char *directory)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_program *program = &menu->programs[i];
		AUTO_ERR struct err err = ERR_INIT;

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > ICONS_SECONDS) {
			log_qube_message(LOG_LEVEL_WARNING, qube, "icons take too long");
			return;
		}
		if (program->fields[MENU_ICON] != NULL &&
			fetch_icon(qube, program, directory, &err) < 0)
			log_qube_message(LOG_LEVEL_WARNING, qube, "icon of '%s': %s", program->id,
				err_message(&err));
	}
}

static bool
is_newer(const char *path, const struct stat *than)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	return st.st_mtim.tv_sec > than->st_mtim.tv_sec ||
	       (st.st_mtim.tv_sec == than->st_mtim.tv_sec &&
		       st.st_mtim.tv_nsec >= than->st_mtim.tv_nsec);
}

int
menu_icon_draw(const char *raw, const char *path, uint32_t colour)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *bytes = NULL;
	struct image image;
	struct stat st;
	size_t size;

	if (stat(raw, &st) < 0)
		return -1;
	if (is_newer(path, &st))
		return 0;
	if (read_file(raw, ICON_BYTES_MAX, &bytes, &size, &err) < 0 ||
		image_parse((uint8_t *)bytes, size, ICON_SIDE_MAX, ICON_SIDE_MAX, &image) < 0)
		return -1;
	image_tint((uint8_t *)bytes + ((const char *)image.pixels - bytes),
		(size_t)image.width * image.height, colour);
	if (image_write_png(&image, path, &err) < 0) {
		log_warning("%s", err_message(&err));
		return -1;
	}
	return 0;
}
