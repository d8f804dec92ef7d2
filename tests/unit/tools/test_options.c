/* The option parser: abbreviations, clusters, mixing, values, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lib/options.h"

struct fixture {
	bool force, wait;
	int gui;
	const char *template, *dispvm;
	struct option_list exclude, tags;
	struct options o;
	struct err err;
};

static int
parse(struct fixture *f, int argc, const char **argv)
{
	const struct option rows[] = {
		{"VMNAME", .help = "a name"},
		{"-f --force", .flag = &f->force, .help = "force"},
		{"--wait", .flag = &f->wait, .help = "wait"},
		{"--gui", .number = &f->gui, .constant = 1, .help = "gui"},
		{"--no-gui --nogui", .number = &f->gui, .constant = 2, .help = "no gui"},
		{"-t --template", .text = &f->template, .value = "T", .help = "template"},
		{"--dispvm", .text = &f->dispvm, .value = "T", .attached = true, .help = "dispvm"},
		{"--exclude", .list = &f->exclude, .value = "X", .help = "exclude"},
		{"--tags", .list = &f->tags, .value = "X", .many = true, .help = "tags"},
		{NULL},
	};

	f->o = (struct options){.program = "test", .rows = rows};
	return options_parse(&f->o, argc, (char *const *)argv, &f->err);
}

static void
finish(struct fixture *f)
{
	options_finish(&f->o);
	option_list_finish(&f->exclude);
	option_list_finish(&f->tags);
	err_clear(&f->err);
}

#define PARSE(f, ...)                                                                              \
	parse((f), (int)(sizeof((const char *[]){"test", __VA_ARGS__}) / sizeof(char *)),          \
		(const char *[]){"test", __VA_ARGS__, NULL})

static void
test_mixed(void **state)
{
	struct fixture f = {0};

	assert_int_equal(PARSE(&f, "a", "--force", "b", "-t", "x", "--", "-q", "--wait"), 0);
	assert_true(f.force);
	assert_false(f.wait);
	assert_string_equal(f.template, "x");
	assert_int_equal(f.o.argument_count, 4);
	assert_string_equal(f.o.arguments[1], "b");
	assert_string_equal(f.o.arguments[2], "-q");
	assert_string_equal(f.o.arguments[3], "--wait");
	assert_null(f.o.arguments[4]);
	finish(&f);
}

static void
test_abbreviations(void **state)
{
	struct fixture f = {0};

	assert_int_equal(PARSE(&f, "--forc", "--te=x", "--no", "--wa"), 0);
	assert_true(f.force);
	assert_true(f.wait);
	assert_int_equal(f.gui, 2);
	assert_string_equal(f.template, "x");
	finish(&f);

	assert_int_equal(PARSE(&f, "--t"), -1);
	assert_string_equal(err_message(&f.err),
		"ambiguous option: '--t' could be '-t --template' or '--tags'");
	finish(&f);

	/* What the help hides (--force-root) makes nothing ambiguous. */
	f = (struct fixture){0};
	assert_int_equal(PARSE(&f, "--f"), 0);
	assert_true(f.force);
	finish(&f);
}

static void
test_clusters(void **state)
{
	struct fixture f = {0};

	assert_int_equal(PARSE(&f, "-vfqqtname"), 0);
	assert_true(f.force);
	assert_int_equal(f.o.verbosity, 0);
	assert_string_equal(f.template, "name");
	finish(&f);

	assert_int_equal(PARSE(&f, "-ft=name"), 0);
	assert_string_equal(f.template, "name");
	finish(&f);

	assert_int_equal(PARSE(&f, "-fz"), -1);
	assert_string_equal(err_message(&f.err), "unknown option '-z'");
	finish(&f);
}

static void
test_values(void **state)
{
	struct fixture f = {0};

	assert_int_equal(
		PARSE(&f, "--exclude", "a", "b", "--exclude=c", "--tags", "d", "e", "-f"), 0);
	assert_int_equal(f.exclude.count, 2);
	assert_string_equal(f.exclude.items[1], "c");
	assert_int_equal(f.tags.count, 2);
	assert_string_equal(f.tags.items[1], "e");
	assert_int_equal(f.o.argument_count, 1);
	finish(&f);

	f = (struct fixture){0};
	assert_int_equal(PARSE(&f, "--template"), -1);
	finish(&f);
	assert_int_equal(PARSE(&f, "--template", "--force"), -1);
	finish(&f);
	assert_int_equal(PARSE(&f, "--force=yes"), -1);
	assert_string_equal(err_message(&f.err), "option '--force' takes no value");
	finish(&f);
	assert_int_equal(PARSE(&f, "--template="), 0);
	assert_string_equal(f.template, "");
	finish(&f);
	assert_int_equal(PARSE(&f, "--template", "-"), 0);
	assert_string_equal(f.template, "-");
	finish(&f);
}

static void
test_optional_value(void **state)
{
	struct fixture f = {0};

	assert_int_equal(PARSE(&f, "--dispvm", "xterm"), 0);
	assert_string_equal(f.dispvm, "");
	assert_int_equal(f.o.argument_count, 1);
	finish(&f);
	assert_int_equal(PARSE(&f, "--dispvm=base", "xterm"), 0);
	assert_string_equal(f.dispvm, "base");
	finish(&f);
}

static void
test_negative_numbers(void **state)
{
	struct fixture f = {0};

	assert_int_equal(PARSE(&f, "revisions_to_keep", "-1"), 0);
	assert_int_equal(f.o.argument_count, 2);
	assert_string_equal(f.o.arguments[1], "-1");
	finish(&f);
}

static void
test_help_stops(void **state)
{
	struct fixture f = {0};

	assert_int_equal(PARSE(&f, "--help", "--nosuch"), 0);
	assert_true(f.o.help);
	finish(&f);
	assert_int_equal(PARSE(&f, "-h"), 0);
	assert_true(f.o.help);
	finish(&f);
	assert_int_equal(PARSE(&f, "--vers"), 0);
	assert_true(f.o.version);
	finish(&f);
	assert_int_equal(PARSE(&f, "--force-root"), 0);
	finish(&f);
}

static void
test_usage_is_wrapped(void **state)
{
	static const struct option rows[] = {
		{"-a --alpha-and-more", .help = "text", .value = "VALUE"},
		{"-b --beta-and-more", .help = "text", .value = "VALUE"},
		{NULL},
	};
	const struct options o = {
		.program = "qvm-test",
		.summary = "Tests.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	options_print_usage(&o, to);
	fclose(to);
	assert_string_equal(text,
		"usage: qvm-test [--verbose] [--quiet] [--help] [--version]\n"
		"                [--alpha-and-more VALUE] [--beta-and-more VALUE] [VMNAME ...]\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_abbreviations),
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_optional_value),
		cmocka_unit_test(test_negative_numbers),
		cmocka_unit_test(test_help_stops),
		cmocka_unit_test(test_usage_is_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
