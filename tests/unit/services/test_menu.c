/* Menus of qubes: what is kept of hostile lists (case 104), and the files that come of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/services/menu.h"
#include "tools/services/menu_watch.h"
#include "tools/services/menu_write.h"

static const struct {
	const char *title, *list, *kept;
} cases[] = {
	{"a program", "a.desktop:Name=A program (x) & y\na.desktop:Icon=web-browser\n",
		"a.desktop:Name=A program (x) & y\na.desktop:Icon=web-browser\n"},
	{"without the suffix", "a:Name=A\n", "a.desktop:Name=A\n"},
	{"other keys, comments, blanks",
		"# x\n\na.desktop:Exec=rm -rf /\na.desktop:Name=A\na.desktop:Name[de]=B\n"
		"a.desktop:X-Y=z\n",
		"a.desktop:Name=A\n"},
	{"no name", "a.desktop:Icon=x\n", ""},
	{"ESC in a name", "a.desktop:Name=A\033[1m\n", ""},
	{"a command in a name", "a.desktop:Name=A;rm\n", ""},
	{"a line feed in a name, as desktop files have it", "a.desktop:Name=A\\nExec=x\n", ""},
	{"a percent sign", "a.desktop:Name=A %F\n", ""},
	{"a bad value drops that key", "a.desktop:Name=A\na.desktop:Comment=\xc3\xa4\n",
		"a.desktop:Name=A\n"},
	{"the first counts", "a.desktop:Name=A\na.desktop:Name=B\n", "a.desktop:Name=A\n"},
	{"an icon upwards", "a.desktop:Name=A\na.desktop:Icon=../../x\n", "a.desktop:Name=A\n"},
	{"a blank in the file's name", "a b.desktop:Name=A\n", ""},
	{"a slash in it", "a/b.desktop:Name=A\n", ""},
	{"dots", "..:Name=A\n.desktop:Name=A\n...desktop:Name=A\n", ""},
	{"like an option", "-a.desktop:Name=A\n", ""},
	{"reserved", "qubes-start.desktop:Name=A\n", ""},
	{"categories", "a.desktop:Name=A\na.desktop:Categories=Network;Shell;Evil;WebBrowser\n",
		"a.desktop:Name=A\na.desktop:Categories=Network;WebBrowser;\n"},
	{"no known category", "a.desktop:Name=A\na.desktop:Categories=X-Qubes-VM;TrayIcon;\n",
		"a.desktop:Name=A\n"},
	{"no line feed at the end", "a.desktop:Name=A", "a.desktop:Name=A\n"},
	{"two, mixed and unsorted", "b.desktop:Name=B\na.desktop:Name=A\nb.desktop:Icon=i\n",
		"a.desktop:Name=A\nb.desktop:Name=B\nb.desktop:Icon=i\n"},
	{"a class of windows", "a.desktop:Name=A\na.desktop:StartupWMClass=Foo bar\n",
		"a.desktop:Name=A\n"},
};

static void
test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_MENU struct menu menu = {0};
		AUTO_ERR struct err err = ERR_INIT;
		AUTO_BUF struct buf text;

		buf_init(&text, 10000);
		assert_int_equal(menu_parse(cases[i].list, strlen(cases[i].list), &menu, &err), 0);
		assert_int_equal(menu_format(&menu, &text), 0);
		if (buf_len(&text) != strlen(cases[i].kept) ||
			memcmp(buf_data(&text), cases[i].kept, buf_len(&text)) != 0)
			fail_msg("%s: '%.*s'", cases[i].title, (int)buf_len(&text),
				(const char *)buf_data(&text));
	}
}

/* A list of `lines` lines, each long enough to be read as something if it were split. */
static int
parse_lines(size_t lines, const char *line, struct menu *menu)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf text;

	buf_init(&text, 2 * MENU_BYTES_MAX);
	for (size_t i = 0; i < lines; i++)
		assert_int_equal(buf_put(&text, line, strlen(line)), 0);
	return menu_parse((const char *)buf_data(&text), buf_len(&text), menu, &err);
}

static void
test_limits(void **state)
{
	AUTO_MENU struct menu menu = {0};
	AUTO_MENU struct menu lines = {0};
	AUTO_MENU struct menu large = {0};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf text;
	static char long_line[5001 + 32];

	assert_int_equal(parse_lines(MENU_LINES_MAX, "x\n", &lines), 0);
	assert_int_equal(parse_lines(MENU_LINES_MAX + 1, "x\n", &menu), -1);
	/* 5000 characters, whose tail would be a line of its own. */
	memset(long_line, 'x', 5000);
	memcpy(long_line, "a.desktop:Comment=", 18);
	memcpy(long_line + MENU_LINE_MAX, "b.desktop:Name=B", 16);
	strcpy(long_line + 5000, "\nc.desktop:Name=C\n");
	assert_int_equal(menu_parse(long_line, strlen(long_line), &menu, &err), 0);
	assert_int_equal(menu.count, 1);
	assert_string_equal(menu.programs[0].id, "c");
	buf_init(&text, MENU_BYTES_MAX);
	for (int i = 0; i <= MENU_PROGRAMS_MAX; i++)
		assert_int_equal(buf_printf(&text, "p%d.desktop:Name=P\n", i), 0);
	assert_int_equal(
		menu_parse((const char *)buf_data(&text), buf_len(&text), &large, &err), -1);
}

static void
test_nul(void **state)
{
	static const char list[] = "a.desktop:Name=A\0x\nb.desktop:Name=B\n";
	AUTO_MENU struct menu menu = {0};
	AUTO_ERR struct err err = ERR_INIT;

	assert_int_equal(menu_parse(list, sizeof(list) - 1, &menu, &err), 0);
	assert_int_equal(menu.count, 1);
	assert_string_equal(menu.programs[0].id, "b");
}

static void
test_entry(void **state)
{
	static const char list[] =
		"kde-x.desktop:Name=X: a+b\nkde-x.desktop:GenericName=Thing\n"
		"kde-x.desktop:Comment=Does it\nkde-x.desktop:Categories=Office;\n"
		"kde-x.desktop:StartupWMClass=Xx\n";
	struct menu_qube work = {.name = "work", .source = "debian-12"};
	AUTO_MENU struct menu menu = {0};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *other = NULL;

	assert_int_equal(menu_parse(list, sizeof(list) - 1, &menu, &err), 0);
	text = menu_entry_text(&work, &menu.programs[0], "/i.png");
	assert_string_equal(text, "[Desktop Entry]\n"
				  "Version=1.0\n"
				  "Type=Application\n"
				  "Terminal=false\n"
				  "X-Qubes-VmName=work\n"
				  "X-Qubes-AppName=kde-x\n"
				  "Icon=/i.png\n"
				  "Name=work: X: a+b\n"
				  "GenericName=work: Thing\n"
				  "Comment=Does it\n"
				  "Categories=Office;X-Qubes-VM;\n"
				  "Exec=qvm-run -q -a --service -- work qubes.StartApp+kde-x\n"
				  "StartupWMClass=work:Xx\n");
	work.disposable = true;
	other = menu_entry_text(&work, &menu.programs[0], "/i.png");
	assert_non_null(strstr(
		other, "Exec=qvm-run -q -a --service --dispvm=work -- qubes.StartApp+kde-x\n"));
}

static void
test_file_names(void **state)
{
	static const char *const pairs[][2] = {{"a", "b.c"}, {"a.b", "c"}, {"a_b", "c"},
		{"a_d", "b"}, {"a.d", "b"}, {"a-b", "c"}, {"a_db", "c"}, {"a.b.c", "d"}};
	const size_t count = sizeof(pairs) / sizeof(pairs[0]);
	char *names[16];

	for (size_t i = 0; i < count; i++) {
		names[i] = menu_entry_file_name(pairs[i][0], pairs[i][1]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
	assert_string_equal(names[0], "qubes-vm.a.b.c.desktop");
	assert_string_equal(names[1], "qubes-vm.a_db.c.desktop");
	for (size_t i = 0; i < count; i++)
		free(names[i]);
}

static void
test_events(void **state)
{
	static const struct {
		const char *subject, *name, *vm;
		enum menu_change change;
		const char *qube;
	} events[] = {{"", "connection-established", NULL, MENU_ALL, NULL},
		{"", "domain-add", "work", MENU_ADDED, "work"},
		{"", "domain-delete", "work", MENU_REMOVED, "work"},
		{"work", "property-set:label", NULL, MENU_ADDED, "work"},
		{"work", "property-reset:template", NULL, MENU_ALL, "work"},
		{"work", "domain-feature-set:menu-items", NULL, MENU_ADDED, "work"},
		{"deb", "domain-feature-delete:default-menu-items", NULL, MENU_ALL, "deb"},
		{"work", "domain-feature-set:gui", NULL, MENU_UNTOUCHED, "work"},
		{"work", "property-set:memory", NULL, MENU_UNTOUCHED, "work"},
		{"work", "domain-start", NULL, MENU_UNTOUCHED, "work"}};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct admin_event event = {.subject = events[i].subject, .name = events[i].name};
		const char *qube = NULL;

		if (events[i].vm != NULL) {
			event.pairs[0].key = "vm";
			event.pairs[0].value = events[i].vm;
			event.pair_count = 1;
		}
		assert_int_equal(menu_change_of(&event, &qube), events[i].change);
		if (events[i].qube != NULL)
			assert_string_equal(qube, events[i].qube);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
