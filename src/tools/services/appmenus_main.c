/*
 * qvm-sync-appmenus and qvm-appmenus: the programs of qubes in the menus of the desktop. One
 * program with two names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/report.h"
#include "tools/services/menu_store.h"
#include "tools/services/menu_watch.h"
#include "tools/services/menu_write.h"
#include "tools/services/menus.h"
#include "tools/services/qube_call.h"

#define LIST_TIMEOUT_MS 60000
#define CHOICE_FEATURE "menu-items"
#define CHOICE_MAX 65536

/* --- qvm-sync-appmenus -------------------------------------------------------------------- */

static int
sync_menus(const char *qube, struct err *err)
{
	AUTO_FREE char *source = menus_source(qube, err);
	AUTO_BUF struct buf untrusted_list;

	if (source == NULL)
		return -1;
	/* Where it runs already, or can not, the call will tell. */
	if (admin_call("admin.vm.Start", NULL, source, NULL, NULL, err) < 0)
		err_clear(err);
	buf_init(&untrusted_list, MENU_BYTES_MAX);
	if (qube_call(source, "qubes.GetAppmenus", "", LIST_TIMEOUT_MS, &untrusted_list, err) < 0)
		return -1;
	if (menus_keep(source, (const char *)buf_data(&untrusted_list), buf_len(&untrusted_list),
		    err) < 0)
		return -1;
	return menus_write_of_source(source, err);
}

static int
command_sync(int argc, char **argv)
{
	const struct option rows[] = {
		{"VMNAME", .help = "a qube; of one with a template, that is asked"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-sync-appmenus",
		.summary = "Asks a qube which programs it has, and puts them into the menus of all "
			   "qubes that share them. Starts it for that.",
		.usage = "VMNAME",
		.rows = rows,
	};
	AUTO_ERR struct err err = ERR_INIT;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (o.argument_count != 1)
		return tool_usage_error(&o, "the following arguments are required: VMNAME");
	if (sync_menus(o.arguments[0], &err) < 0)
		return tool_error(&o, "%s", err_message(&err));
	return TOOL_OK;
}

/* --- qvm-appmenus ------------------------------------------------------------------------- */

static int
print_available(const char *qube, struct err *err)
{
	AUTO_FREE char *source = menus_source(qube, err);
	AUTO_MENU struct menu menu = {0};

	if (source == NULL || menu_store_load(source, &menu, err) < 0)
		return -1;
	for (size_t i = 0; i < menu.count; i++)
		printf("%s.desktop - %s\n", menu.programs[i].id,
			menu.programs[i].fields[MENU_NAME]);
	return 0;
}

static int
print_choice(const char *qube, struct err *err)
{
	AUTO_ERR struct err own = ERR_INIT;
	AUTO_FREE char *words = NULL;

	if (admin_call("admin.vm.feature.Get", CHOICE_FEATURE, qube, NULL, &words, &own) < 0)
		return admin_error_is(&own, "QubesFeatureNotFoundError") ? 0 : err_move(err, &own);
	for (char *c = words; *c != '\0'; c++)
		putchar(*c == ' ' ? '\n' : *c);
	if (words[0] != '\0')
		putchar('\n');
	return 0;
}

/* Lines of a file, "-" for stdin, become the words of the feature. */
static int
set_choice(const char *qube, const char *path, struct err *err)
{
	AUTO_FREE char *text = NULL;
	size_t size;

	if (read_file(text_equal(path, "-") ? "/dev/stdin" : path, CHOICE_MAX, &text, &size, err) <
		0)
		return -1;
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	while (size > 0 && text[size - 1] == ' ')
		text[--size] = '\0';
	return admin_call("admin.vm.feature.Set", CHOICE_FEATURE, qube, text, NULL, err);
}

struct appmenus_options {
	bool all, update, remove, available, choice, watch;
	const char *choice_file;
};

static int
handle_qube(const struct appmenus_options *given, const char *qube, struct err *err)
{
	if (given->choice_file != NULL && set_choice(qube, given->choice_file, err) < 0)
		return -1;
	if (given->available && print_available(qube, err) < 0)
		return -1;
	if (given->choice && print_choice(qube, err) < 0)
		return -1;
	if (given->remove)
		return menu_remove(qube, err);
	return given->update || given->choice_file != NULL ? menus_write(qube, err) : 0;
}

static int
command_appmenus(int argc, char **argv)
{
	struct appmenus_options given = {0};
	const struct option rows[] = {
		{"VMNAME", .help = "the qube, or several"},
		{"--update", .flag = &given.update, .help = "write the menu anew"},
		{"--create", .flag = &given.update, .hidden = true},
		{"--init", .flag = &given.update, .hidden = true},
		{"--remove", .flag = &given.remove, .help = "remove the menu"},
		{"--get-available", .flag = &given.available,
			.help = "list the programs that there are"},
		{"--get-whitelist", .flag = &given.choice, .help = "list those that are shown"},
		{"--set-whitelist", .text = &given.choice_file, .value = "FILE",
			.help = "show those that are named in the file (-: stdin), one a line"},
		{"--all", .flag = &given.all, .help = "write the menus of all qubes anew"},
		{"--watch", .flag = &given.watch,
			.help = "write all, and each again when its qube changes; does not end"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-appmenus",
		.summary = "Handles the programs of qubes in the menus of the desktop.",
		.usage = "VMNAME ... | --all | --watch",
		.rows = rows,
	};
	AUTO_ERR struct err err = ERR_INIT;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if ((given.all || given.watch) != (o.argument_count == 0))
		return tool_usage_error(&o, "either VMNAME, --all or --watch is needed");
	if (given.watch)
		menu_watch();
	if (given.all && (given.remove || given.available || given.choice || given.choice_file))
		return tool_usage_error(&o, "--all goes with --update only");
	if (given.all && menus_write(NULL, &err) < 0)
		return tool_error(&o, "%s", err_message(&err));
	for (size_t i = 0; i < o.argument_count; i++)
		if (handle_qube(&given, o.arguments[i], &err) < 0)
			return tool_error(&o, "%s", err_message(&err));
	return tool_finish_output(&o, TOOL_OK);
}

int
main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";

	log_init("qvm-appmenus");
	if (text_equal(name, "qvm-sync-appmenus"))
		return command_sync(argc, argv);
	return command_appmenus(argc, argv);
}
