/* Keeping menus (menu_store.h). Two stores may have something of a qube: ours, and dom0's. */
#include "tools/services/menu_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/services/image.h"
#include "tools/services/menu_icons.h"
#include "tools/services/session_paths.h"

#define OWN_STORE "bulkhead/menus"
#define ICONS "icons"
#define NEW_ICONS ICONS ".new"
#define DRAWN "drawn"
#define SIGNS ".labels"

char *
menu_store_directory(struct err *err)
{
	AUTO_ERR struct err own = ERR_INIT;
	AUTO_FREE char *shared = root_path(MENU_STORE);
	AUTO_FREE char *path = NULL;

	if (make_directories(shared, 0755, &own) == 0 && access(shared, W_OK) == 0)
		return steal_ptr(shared);
	path = session_data_path(OWN_STORE, err);
	return path == NULL || make_directories(path, 0755, err) < 0 ? NULL : steal_ptr(path);
}

/* A directory of our store, or one below; the caller frees it. NULL with the error. */
static char *
make_directory(const char *name, const char *below, struct err *err)
{
	AUTO_FREE char *store = menu_store_directory(err);
	AUTO_FREE char *path = NULL;

	if (store == NULL)
		return NULL;
	path = below != NULL ? text_format("%s/%s/%s", store, name, below) : path_join(store, name);
	return make_directories(path, 0755, err) < 0 ? NULL : steal_ptr(path);
}

int
menu_store_save(const char *qube, const struct menu *menu, struct err *err)
{
	AUTO_FREE char *directory = make_directory(qube, NULL, err);
	AUTO_FREE char *path = NULL;
	AUTO_BUF struct buf text;

	buf_init(&text, MENU_BYTES_MAX);
	if (directory == NULL)
		return -1;
	path = path_join(directory, MENU_LIST);
	if (menu_format(menu, &text) < 0)
		return err_set(err, E2BIG, "the menu of '%s' is too long", qube);
	return write_file(path, buf_data(&text), buf_len(&text), 0644, err);
}

/* The directory with the newer list of a qube; the caller frees it. NULL: there is none. */
static char *
directory_with_list(const char *qube)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *own = menu_store_directory(&err);
	AUTO_FREE char *shared = root_path(MENU_STORE);
	const char *const stores[] = {shared, own};
	struct timespec newest = {0};
	char *best = NULL;

	for (size_t i = 0; i < 2; i++) {
		AUTO_FREE char *list =
			stores[i] == NULL ? NULL : text_format("%s/%s/" MENU_LIST, stores[i], qube);
		struct stat st;

		if (list == NULL || stat(list, &st) < 0 || st.st_mtim.tv_sec < newest.tv_sec ||
			(st.st_mtim.tv_sec == newest.tv_sec && st.st_mtim.tv_nsec < newest.tv_nsec))
			continue;
		newest = st.st_mtim;
		free(best);
		best = path_join(stores[i], qube);
	}
	return best;
}

int
menu_store_load(const char *qube, struct menu *ret_menu, struct err *err)
{
	AUTO_FREE char *directory = directory_with_list(qube);
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	size_t size;

	*ret_menu = (struct menu){0};
	if (directory == NULL)
		return 0;
	path = path_join(directory, MENU_LIST);
	if (read_file(path, MENU_BYTES_MAX, &text, &size, err) < 0)
		return -1;
	return menu_parse(text, size, ret_menu, err);
}

/* The new icons take the place of the old, which menus show until then. */
static int
swap_icons(const char *qube, struct err *err)
{
	AUTO_FREE char *directory = make_directory(qube, NULL, err);
	AUTO_FREE char *from = NULL;
	AUTO_FREE char *to = NULL;

	if (directory == NULL)
		return -1;
	from = path_join(directory, NEW_ICONS);
	to = path_join(directory, ICONS);
	if (remove_tree(to, err) < 0)
		return -1;
	return rename(from, to) == 0 ? 0 : err_set_errno(err, errno, "icons '%s'", to);
}

void
menu_store_fetch_icons(const char *qube, const struct menu *menu)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *directory = make_directory(qube, NEW_ICONS, &err);

	if (directory != NULL)
		menu_icons_fetch(qube, menu, directory);
	if (directory == NULL || swap_icons(qube, &err) < 0)
		log_warning("%s", err_message(&err));
}

static char *
label_sign(uint32_t colour, struct err *err)
{
	AUTO_FREE char *directory = make_directory(SIGNS, NULL, err);
	AUTO_FREE char *path = NULL;

	if (directory == NULL)
		return NULL;
	path = text_format("%s/%06x.png", directory, colour);
	if (access(path, R_OK) < 0 && image_write_label(colour, path, err) < 0)
		return NULL;
	return steal_ptr(path);
}

char *
menu_store_icon(const char *qube, const char *id, uint32_t colour, struct err *err)
{
	AUTO_FREE char *drawn = make_directory(qube, DRAWN, err);
	AUTO_FREE char *kept = directory_with_list(qube);
	AUTO_FREE char *raw = NULL;
	AUTO_FREE char *path = NULL;

	if (drawn == NULL)
		return NULL;
	if (kept == NULL)
		return label_sign(colour, err);
	raw = text_format("%s/" ICONS "/%s" MENU_ICON_SUFFIX, kept, id);
	path = text_format("%s/%s-%06x.png", drawn, id, colour);
	return menu_icon_draw(raw, path, colour) == 0 ? steal_ptr(path) : label_sign(colour, err);
}
