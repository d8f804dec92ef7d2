/*
 * desktop-entries: the services qubes.GetAppmenus (list what the menu has) and qubes.StartApp
 * (start one of it by its id). Runs as the user of a qube; the id is the caller's choice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "services/desktop_entry.h"

static bool
is_true(const struct desktop_entry *entry, const char *key)
{
	const char *value = desktop_entry_get(entry, key);

	return value != NULL && text_equal(value, "true");
}

static bool
is_shown(const struct desktop_entry *entry)
{
	const char *type = desktop_entry_get(entry, "Type");
	const char *categories = desktop_entry_get(entry, "Categories");

	return (type == NULL || text_equal(type, "Application")) && !is_true(entry, "NoDisplay") &&
	       !is_true(entry, "Hidden") &&
	       (categories == NULL || strstr(categories, "Screensaver") == NULL);
}

static int
print_entry(const char *id, const char *path, void *data)
{
	static struct desktop_entry entry; /* large */

	(void)data;
	if (desktop_entry_read(path, &entry, NULL) < 0)
		return 0;
	if (is_shown(&entry)) {
		for (size_t i = 0; i < entry.count; i++) {
			const struct desktop_key *key = &entry.keys[i];

			if (text_equal(key->name, "Exec"))
				printf("%s.desktop:Exec=qubes.StartApp+%s\n", id, id);
			else
				printf("%s.desktop:%s=%s\n", id, key->name, key->value);
		}
	}
	desktop_entry_finish(&entry);
	return 0;
}

/* Becomes the program, so that its end is ours. */
static void __attribute__((noreturn)) run(const struct desktop_entry *entry)
{
	const char *directory = desktop_entry_get(entry, "Path");
	AUTO_FREE char **command = desktop_entry_command(entry);
	AUTO_FREE char **argv = NULL;
	char terminal[] = "x-terminal-emulator", terminal_option[] = "-e";
	size_t count = 0, n = 0;

	if (command == NULL)
		fatal("'%s': it says no command", entry->path);
	if (directory != NULL && directory[0] != '\0' && chdir(directory) < 0)
		log_warning("directory '%s': %s", directory, strerror(errno));
	while (command[count] != NULL)
		count++;
	argv = xcalloc(count + 3, sizeof(*argv));
	if (is_true(entry, "Terminal")) {
		argv[n++] = terminal;
		argv[n++] = terminal_option;
	}
	memcpy(argv + n, command, count * sizeof(*argv));
	execvp(argv[0], argv);
	fatal("'%s': cannot execute: %s", argv[0], strerror(errno));
}

static int
start_if_wanted(const char *id, const char *path, void *data)
{
	static struct desktop_entry entry;
	AUTO_ERR struct err err = ERR_INIT;

	if (!text_equal(id, data))
		return 0;
	if (desktop_entry_read(path, &entry, &err) < 0)
		fatal("%s", err_message(&err));
	run(&entry);
}

int
main(int argc, char **argv)
{
	log_init("desktop-entries");
	if (argc == 2 && text_equal(argv[1], "list"))
		return desktop_entries_walk(print_entry, NULL) < 0 || fflush(stdout) != 0 ? 1 : 0;
	if (argc == 3 && text_equal(argv[1], "start")) {
		desktop_entries_walk(start_if_wanted, argv[2]);
		fatal("program '%s': there is none in the menu of this qube", argv[2]);
	}
	fputs("usage: desktop-entries list | start ID\n", stderr);
	return 2;
}
