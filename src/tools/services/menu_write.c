/* Writing the desktop's menu files (menu_write.h). All that goes into them was checked. */
#include "tools/services/menu_write.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/services/menu_store.h"
#include "tools/services/session_paths.h"

#define PREFIX "qubes-vm."
#define SUFFIX ".desktop"
#define RUNNER "qvm-run"
#define SYSTEM_DIRECTORY "/usr/local/share/applications"

/* The directory of the files; the caller frees it. NULL with the error. */
static char *
applications_directory(struct err *err)
{
	AUTO_FREE char *path = geteuid() == 0 ? root_path(SYSTEM_DIRECTORY)
					      : session_data_path("applications", err);

	return path == NULL || make_directories(path, 0755, err) < 0 ? NULL : steal_ptr(path);
}

/* The qube's name in the name of a file: the first dot after it is the end of it. */
static char *
encode_name(const char *name)
{
	char *text = xcalloc(2 * strlen(name) + 1, 1), *to = text;

	for (; *name != '\0'; name++) {
		if (*name == '.' || *name == '_')
			*to++ = '_';
		*to++ = *name == '.' ? 'd' : *name;
	}
	return text;
}

static char *
file_prefix(const char *qube)
{
	AUTO_FREE char *name = encode_name(qube);

	return text_format(PREFIX "%s.", name);
}

char *
menu_entry_file_name(const char *qube, const char *id)
{
	AUTO_FREE char *prefix = file_prefix(qube);

	return text_format("%s%s" SUFFIX, prefix, id);
}

/* An argument of a command line, as desktop entries quote it: twice, and with percent signs. */
static void
put_quoted(struct buf *text, const char *argument)
{
	buf_printf(text, "\"");
	for (; *argument != '\0'; argument++) {
		if (strchr("\"`$\\", *argument) != NULL)
			buf_printf(text, "\\\\");
		if (*argument == '%' || *argument == '\\')
			buf_put_u8(text, (uint8_t)*argument);
		buf_put_u8(text, (uint8_t)*argument);
	}
	buf_printf(text, "\"");
}

/*
 * The program beside us, on the instance that we were told of; of the system's own instance plain,
 * as a person would type it. The caller frees it.
 */
static char *
runner(void)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *root = root_prefix();
	AUTO_FREE char *setting = text_format("BULKHEAD_ROOT=%s", root);
	AUTO_FREE char *program = NULL;
	AUTO_BUF struct buf text;

	buf_init(&text, 8UL * PATH_MAX);
	if (root[0] == '\0' || length < 0)
		return text_copy(RUNNER);
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	program = path_join(self, RUNNER);
	buf_printf(&text, "env ");
	put_quoted(&text, setting);
	buf_printf(&text, " ");
	put_quoted(&text, program);
	return buf_steal_string(&text);
}

static char *
command(const struct menu_qube *qube, const char *id)
{
	AUTO_FREE char *program = runner();

	if (qube->disposable)
		return text_format("%s -q -a --service --dispvm=%s -- qubes.StartApp+%s", program,
			qube->name, id);
	return text_format("%s -q -a --service -- %s qubes.StartApp+%s", program, qube->name, id);
}

/* KEY=[QUBE: ]VALUE of a field that there is. */
static void
put_field(struct buf *text, const char *key, const char *qube, const char *value)
{
	if (value != NULL && qube != NULL)
		buf_printf(text, "%s=%s: %s\n", key, qube, value);
	else if (value != NULL)
		buf_printf(text, "%s=%s\n", key, value);
}

char *
menu_entry_text(const struct menu_qube *qube, const struct menu_program *program, const char *icon)
{
	AUTO_FREE char *exec = command(qube, program->id);
	const char *categories = program->fields[MENU_CATEGORIES];
	const char *class = program->fields[MENU_WINDOW_CLASS];
	AUTO_BUF struct buf text;

	buf_init(&text, 16UL * MENU_LINE_MAX);
	buf_printf(&text,
		"[Desktop Entry]\nVersion=1.0\nType=Application\nTerminal=false\n"
		"X-Qubes-VmName=%s\nX-Qubes-AppName=%s\nIcon=%s\n",
		qube->name, program->id, icon);
	put_field(&text, "Name", qube->name, program->fields[MENU_NAME]);
	put_field(&text, "GenericName", qube->name, program->fields[MENU_GENERIC_NAME]);
	put_field(&text, "Comment", NULL, program->fields[MENU_COMMENT]);
	buf_printf(&text, "Categories=%sX-Qubes-VM;\nExec=%s\n",
		categories != NULL ? categories : "", exec);
	if (class != NULL)
		buf_printf(&text, "StartupWMClass=%s:%s\n", qube->name, class);
	return buf_steal_string(&text);
}

static bool
is_chosen(const struct menu_qube *qube, const char *id)
{
	const char *words = qube->chosen;
	size_t length = strlen(id);

	if (words == NULL)
		return true;
	while (*words != '\0') {
		size_t word = strcspn(words, " ");
		const bool suffixed = word == length + strlen(SUFFIX) &&
				      strncmp(words + length, SUFFIX, strlen(SUFFIX)) == 0;

		if ((word == length || suffixed) && strncmp(words, id, length) == 0)
			return true;
		words += word + (words[word] == ' ');
	}
	return false;
}

static int
write_entry(const char *directory, const struct menu_qube *qube, const struct menu_program *program,
	struct err *err)
{
	AUTO_FREE char *name = menu_entry_file_name(qube->name, program->id);
	AUTO_FREE char *path = path_join(directory, name);
	AUTO_FREE char *icon = menu_store_icon(qube->source, program->id, qube->colour, err);
	AUTO_FREE char *text = NULL;

	if (icon == NULL)
		return -1;
	text = menu_entry_text(qube, program, icon);
	if (text == NULL)
		return err_set(err, ENOMEM, "menu: no memory");
	return write_file(path, text, strlen(text), 0644, err);
}

/* Whether the program whose file this is belongs to the menu still. */
static bool
is_current(const struct menu_qube *qube, const struct menu *menu, const char *id_and_suffix)
{
	AUTO_FREE char *id = text_copy(id_and_suffix);

	if (!text_ends_with(id, SUFFIX))
		return true; /* not one of ours */
	id[strlen(id) - strlen(SUFFIX)] = '\0';
	return menu_find(menu, id) != NULL && is_chosen(qube, id);
}

static int
remove_stale(const char *directory, const struct menu_qube *qube, const struct menu *menu,
	struct err *err)
{
	AUTO_FREE char *prefix = file_prefix(qube->name);
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	int result = 0;

	if (entries == NULL)
		return err_set_errno(err, errno, "directory '%s'", directory);
	while ((entry = readdir(entries)) != NULL) {
		if (!text_starts_with(entry->d_name, prefix) ||
			is_current(qube, menu, entry->d_name + strlen(prefix)))
			continue;
		if (unlinkat(dirfd(entries), entry->d_name, 0) < 0)
			result = err_set_errno(err, errno, "menu file '%s'", entry->d_name);
	}
	closedir(entries);
	return result;
}

int
menu_write(const struct menu_qube *qube, const struct menu *menu, struct err *err)
{
	AUTO_FREE char *directory = applications_directory(err);

	if (directory == NULL)
		return -1;
	for (size_t i = 0; i < menu->count; i++)
		if (is_chosen(qube, menu->programs[i].id) &&
			write_entry(directory, qube, &menu->programs[i], err) < 0)
			return -1;
	return remove_stale(directory, qube, menu, err);
}

int
menu_remove(const char *qube, struct err *err)
{
	const struct menu_qube none = {.name = qube};
	const struct menu empty = {0};
	AUTO_FREE char *directory = applications_directory(err);

	return directory == NULL ? -1 : remove_stale(directory, &none, &empty, err);
}
