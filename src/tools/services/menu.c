/* Reading a qube's menu (menu.h). */
#include "tools/services/menu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/services/menu_categories.h"

#define SUFFIX ".desktop"
/* Ours in the menus of the original. */
#define RESERVED_ID "qubes-start"

static const struct {
	const char *key, *characters; /* allowed beside letters and digits */
} fields[MENU_FIELD_COUNT] = {
	[MENU_NAME] = {"Name", "/.,:&()_ +-"},
	[MENU_GENERIC_NAME] = {"GenericName", "/.,:&()_ +-"},
	[MENU_COMMENT] = {"Comment", "/.,:&()_ +-"},
	[MENU_WINDOW_CLASS] = {"StartupWMClass", "/_.-"},
	[MENU_ICON] = {"Icon", "/_.-"},
	[MENU_CATEGORIES] = {"Categories", "/.;:'() -"},
};

/* A line's parts, copied out of the qube's text. */
struct line {
	char text[MENU_LINE_MAX + 1];
	char *id, *key, *value;
};

static bool
id_valid(const char *id)
{
	return id[0] != '\0' && id[0] != '.' && id[0] != '-' && strlen(id) <= MENU_ID_MAX &&
	       text_only_has(id, "._-") && !text_equal(id, RESERVED_ID);
}

/* False for a line of another shape, an empty one and a comment among them. */
static bool
split_line(struct line *line, const char *untrusted_line, size_t size)
{
	char *colon, *sign;

	if (size > MENU_LINE_MAX || memchr(untrusted_line, '\0', size) != NULL)
		return false;
	memcpy(line->text, untrusted_line, size);
	line->text[size] = '\0';
	colon = strchr(line->text, ':');
	sign = colon != NULL ? strchr(colon, '=') : NULL;
	if (sign == NULL)
		return false;
	*colon = *sign = '\0';
	if (text_ends_with(line->text, SUFFIX))
		line->text[strlen(line->text) - strlen(SUFFIX)] = '\0';
	line->id = line->text;
	line->key = colon + 1;
	line->value = sign + 1;
	return id_valid(line->id);
}

static int
compare_programs(const void *a, const void *b)
{
	return strcmp(((const struct menu_program *)a)->id, ((const struct menu_program *)b)->id);
}

static struct menu_program *
find_last(struct menu *menu, const char *id)
{
	/* The lines of one program follow each other; another order is legal, and rare. */
	for (size_t i = menu->count; i > 0; i--)
		if (text_equal(menu->programs[i - 1].id, id))
			return &menu->programs[i - 1];
	return NULL;
}

static struct menu_program *
find_or_add(struct menu *menu, const char *id)
{
	struct menu_program *program = find_last(menu, id);

	if (program != NULL || menu->count == MENU_PROGRAMS_MAX)
		return program;
	program = &menu->programs[menu->count++];
	program->id = text_copy(id);
	return program;
}

static char *
acceptable(enum menu_field field, const char *value)
{
	if (value[0] == '\0' || !text_only_has(value, fields[field].characters))
		return NULL;
	if (field == MENU_ICON && strstr(value, "..") != NULL)
		return NULL;
	return field == MENU_CATEGORIES ? menu_categories_filter(value) : text_copy(value);
}

/* 0, or -E2BIG for one program too many. */
static int
take_line(struct menu *menu, const struct line *line)
{
	for (int i = 0; i < MENU_FIELD_COUNT; i++) {
		struct menu_program *program;

		if (!text_equal(line->key, fields[i].key))
			continue;
		program = find_or_add(menu, line->id);
		if (program == NULL)
			return -E2BIG;
		if (program->fields[i] == NULL)
			program->fields[i] = acceptable((enum menu_field)i, line->value);
		return 0;
	}
	return 0;
}

static void
program_finish(struct menu_program *program)
{
	free(program->id);
	for (int i = 0; i < MENU_FIELD_COUNT; i++)
		free(program->fields[i]);
	*program = (struct menu_program){0};
}

/* Without a name there is nothing to show. */
static void
drop_nameless(struct menu *menu)
{
	size_t kept = 0;

	for (size_t i = 0; i < menu->count; i++) {
		struct menu_program program = menu->programs[i];

		if (program.fields[MENU_NAME] == NULL)
			program_finish(&program);
		else
			menu->programs[kept++] = program;
	}
	menu->count = kept;
}

int
menu_parse(const char *untrusted_text, size_t size, struct menu *ret_menu, struct err *err)
{
	AUTO_MENU struct menu menu = {0};
	struct line line;
	size_t lines = 0;

	if (size > MENU_BYTES_MAX)
		return err_set(err, E2BIG, "the menu is too long");
	menu.programs = xcalloc(MENU_PROGRAMS_MAX, sizeof(*menu.programs));
	while (size > 0) {
		const char *feed = memchr(untrusted_text, '\n', size);
		size_t length = feed != NULL ? (size_t)(feed - untrusted_text) : size;
		size_t step = feed != NULL ? length + 1 : length;

		if (++lines > MENU_LINES_MAX)
			return err_set(err, E2BIG, "the menu has too many lines");
		if (split_line(&line, untrusted_text, length) && take_line(&menu, &line) < 0)
			return err_set(err, E2BIG, "the menu has too many programs");
		untrusted_text += step;
		size -= step;
	}
	drop_nameless(&menu);
	if (menu.count > 0)
		qsort(menu.programs, menu.count, sizeof(*menu.programs), compare_programs);
	*ret_menu = menu;
	menu = (struct menu){0};
	return 0;
}

void
menu_finish(struct menu *menu)
{
	for (size_t i = 0; i < menu->count; i++)
		program_finish(&menu->programs[i]);
	free(menu->programs);
	*menu = (struct menu){0};
}

const struct menu_program *
menu_find(const struct menu *menu, const char *id)
{
	for (size_t i = 0; i < menu->count; i++)
		if (text_equal(menu->programs[i].id, id))
			return &menu->programs[i];
	return NULL;
}

int
menu_format(const struct menu *menu, struct buf *to)
{
	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_program *p = &menu->programs[i];

		for (int f = 0; f < MENU_FIELD_COUNT; f++) {
			int e = p->fields[f] == NULL ? 0
						     : buf_printf(to, "%s" SUFFIX ":%s=%s\n", p->id,
							       fields[f].key, p->fields[f]);

			if (e < 0)
				return e;
		}
	}
	return 0;
}
