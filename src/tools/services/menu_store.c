/* Keeping menus and icons (menu_store.h). Icons are kept as the checked bytes that came. */
#include "tools/services/menu_store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/services/image.h"
#include "tools/services/qube_call.h"

#define STORE "/var/lib/qubes/appmenus"
#define LIST "list"
#define ICONS "icons"
#define RAW ".rgba"
#define ICON_TIMEOUT_MS 10000
/* For all icons of a qube together: it must not keep us for ever. */
#define ICONS_SECONDS 300

static char *
store_path(const char *qube, const char *name)
{
	return root_path(STORE "/%s/%s", qube, name);
}

/* A directory of the store; the caller frees it. NULL with the error. */
static char *
make_store_directory(const char *qube, const char *name, struct err *err)
{
	AUTO_FREE char *path = store_path(qube, name);

	return make_directories(path, 0755, err) < 0 ? NULL : steal_ptr(path);
}

/* Files of the form ID.rgba and ID-COLOUR.png. */
static void
remove_icons(const char *qube)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = store_path(qube, ICONS);

	if (remove_tree(path, &err) < 0)
		log_warning("%s", err_message(&err));
}

int
menu_store_save(const char *qube, const struct menu *menu, struct err *err)
{
	AUTO_FREE char *directory = make_store_directory(qube, ".", err);
	AUTO_FREE char *path = store_path(qube, LIST);
	AUTO_BUF struct buf text;

	if (directory == NULL)
		return -1;
	buf_init(&text, MENU_BYTES_MAX);
	if (menu_format(menu, &text) < 0)
		return err_set(err, E2BIG, "the menu of '%s' is too long", qube);
	if (write_file(path, buf_data(&text), buf_len(&text), 0644, err) < 0)
		return -1;
	remove_icons(qube);
	return 0;
}

int
menu_store_load(const char *qube, struct menu *ret_menu, struct err *err)
{
	AUTO_FREE char *path = store_path(qube, LIST);
	AUTO_FREE char *text = NULL;
	size_t size;

	*ret_menu = (struct menu){0};
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (read_file(path, MENU_BYTES_MAX, &text, &size, err) < 0)
		return -1;
	return menu_parse(text, size, ret_menu, err);
}

/* --- icons -------------------------------------------------------------------------------- */

static int
fetch_icon(const char *qube, const struct menu_program *program, const char *directory,
	struct err *err)
{
	AUTO_FREE char *question = text_format("%s%s\n",
		program->fields[MENU_ICON][0] == '/' ? "" : "xdgicon:", program->fields[MENU_ICON]);
	AUTO_FREE char *path = text_format("%s/%s" RAW, directory, program->id);
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
menu_store_fetch_icons(const char *qube, const struct menu *menu)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *directory = make_store_directory(qube, ICONS, &err);
	struct timespec start, now;

	if (directory == NULL) {
		log_warning("%s", err_message(&err));
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_program *program = &menu->programs[i];

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > ICONS_SECONDS) {
			log_qube_message(LOG_LEVEL_WARNING, qube, "icons take too long");
			return;
		}
		if (program->fields[MENU_ICON] == NULL ||
			fetch_icon(qube, program, directory, &err) == 0)
			continue;
		log_qube_message(LOG_LEVEL_WARNING, qube, "icon of '%s': %s", program->id,
			err_message(&err));
		err_clear(&err);
	}
}

static char *
label_sign(uint32_t colour, struct err *err)
{
	AUTO_FREE char *directory = root_path(STORE "/.labels");
	AUTO_FREE char *path = text_format("%s/%06x.png", directory, colour);

	if (access(path, R_OK) == 0)
		return steal_ptr(path);
	if (make_directories(directory, 0755, err) < 0 || image_write_label(colour, path, err) < 0)
		return NULL;
	return steal_ptr(path);
}

/* 0, or -1 when there is nothing to make it of. */
static int
make_tinted(const char *raw, const char *path, uint32_t colour)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *bytes = NULL;
	struct image image;
	size_t size;

	if (access(raw, R_OK) < 0)
		return -1;
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

char *
menu_store_icon(const char *qube, const char *id, uint32_t colour, struct err *err)
{
	AUTO_FREE char *directory = store_path(qube, ICONS);
	AUTO_FREE char *raw = text_format("%s/%s" RAW, directory, id);
	AUTO_FREE char *path = text_format("%s/%s-%06x.png", directory, id, colour);

	if (access(path, R_OK) == 0 || make_tinted(raw, path, colour) == 0)
		return steal_ptr(path);
	return label_sign(colour, err);
}
