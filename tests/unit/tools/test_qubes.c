/* Lists of qubes, property values, and the choice that a command line makes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lib/property_value.h"
#include "tools/lib/qubes.h"
#include "tools/lib/volumes.h"

static const char overview[] =
	"work class=AppVM state=Running uuid=u1 label=blue kernelopts=a\\sb\\\\c\\nd netvm=\n"
	"dom0 class=AdminVM state=Running uuid=u0 label=black other=x\n"
	"app2 class=AppVM state=Halted uuid=u2\n"
	"app1 class=AppVM state=Halted uuid=u3 netvm=work\n";

static const char *const properties[] = {"netvm", "kernelopts"};

static void
load(struct qube_list *list)
{
	struct err err = ERR_INIT;

	assert_int_equal(qubes_parse(overview, properties, 2, list, &err), 0);
}

static void
test_parse(void **state)
{
	struct qube_list list;
	const struct qube *work;

	load(&list);
	assert_int_equal(list.count, 4);
	assert_string_equal(list.items[0].name, "app1");
	work = qubes_find(&list, "work");
	assert_non_null(work);
	assert_string_equal(work->values[0], "");
	assert_string_equal(work->values[1], "a b\\c\nd");
	assert_null(qubes_find(&list, "app2")->values[0]);
	assert_true(qube_is_admin(qubes_find(&list, "dom0")));
	assert_true(qube_is_halted(qubes_find(&list, "app2")));
	assert_null(qubes_find(&list, "app"));
	qubes_finish(&list);
}

/* A line may tell the uuid twice: as every line does, and as a property that was asked for. */
static void
test_parse_uuid_twice(void **state)
{
	static const char *const wanted[] = {"uuid"};
	struct err err = ERR_INIT;
	struct qube_list list;

	assert_int_equal(
		qubes_parse("a class=AppVM state=Halted uuid=u uuid=v\n", wanted, 1, &list, &err),
		0);
	assert_string_equal(list.items[0].uuid, "u");
	assert_string_equal(list.items[0].values[0], "v");
	qubes_finish(&list);
	assert_int_equal(
		qubes_parse("a class=AppVM state=Halted uuid=u\n", wanted, 1, &list, &err), 0);
	assert_null(list.items[0].values[0]);
	qubes_finish(&list);
}

static void
test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"name\n",
		"name class=AppVM\n",
		"name class=AppVM state=Halted word\n",
		"1name class=AppVM state=Halted\n",
		"na/me class=AppVM state=Halted\n",
		" class=AppVM state=Halted\n",
		"name class=AppVM state=Halted class=AppVM\n",
		"name class=AppVM state=Halted netvm=a\\x\n",
		"name class=AppVM state=Halted netvm=a\\\n",
	};
	struct qube_list list;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(qubes_parse(bad[i], properties, 2, &list, &err), -1);
		err_clear(&err);
	}
}

/* Chooses and gives the names, separated by commas, or the error. The caller frees it. */
static char *
choose(const char *const *names, size_t count, bool all, const char *exclude)
{
	struct qube_list list;
	struct qube_choice choice = {.all = all};
	struct err err = ERR_INIT;
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int chosen;

	if (exclude != NULL)
		choice.exclude = (struct option_list){.items = &exclude, .count = 1};
	load(&list);
	chosen = qubes_choose(&list, names, count, &choice, &err);
	if (chosen < 0)
		fputs(err_message(&err), to);
	for (size_t i = 0; chosen >= 0 && i < list.count; i++)
		if (list.items[i].chosen)
			fprintf(to, "%s,", list.items[i].name);
	fclose(to);
	err_clear(&err);
	qubes_finish(&list);
	return text;
}

static void
assert_choice(
	const char *expected, const char *const *names, size_t count, bool all, const char *exclude)
{
	char *text = choose(names, count, all, exclude);

	assert_string_equal(text, expected);
	free(text);
}

static void
test_choice(void **state)
{
	assert_choice("work,", (const char *[]){"work"}, 1, false, NULL);
	assert_choice("app1,app2,", (const char *[]){"app*"}, 1, false, NULL);
	assert_choice("app1,dom0,", (const char *[]){"d?m0", "app[1]"}, 2, false, NULL);
	assert_choice("app1,app2,", (const char *[]){"app1", "app*", "app1"}, 3, false, NULL);
	assert_choice("app1,app2,work,", NULL, 0, true, NULL);
	assert_choice("app1,work,", NULL, 0, true, "app2");
	assert_choice("no such domain: 'x'", (const char *[]){"app1", "x"}, 2, false, NULL);
	assert_choice("no such domain: 'x*'", (const char *[]){"x*"}, 1, false, NULL);
	assert_choice("no such domain: 'x'", NULL, 0, true, "x");
	assert_choice("--exclude can only be used with --all", (const char *[]){"work"}, 1, false,
		"app1");
	assert_choice("VMNAME and --all cannot be used together", (const char *[]){"work"}, 1, true,
		NULL);
}

static void
test_property_values(void **state)
{
	static const char *const bad[] = {"", "default=Maybe type=str x", "default=True x",
		"default=True type=str", "type=str default=True x"};
	struct property_value p;

	assert_int_equal(property_value_parse("default=True type=vm ", &p), 0);
	assert_true(p.is_default);
	assert_false(property_value_absent(&p));
	assert_string_equal(property_value_shown(&p), "None");
	property_value_finish(&p);
	assert_int_equal(property_value_parse("default=False type=str a b=c\nd", &p), 0);
	assert_false(p.is_default);
	assert_string_equal(p.value, "a b=c\nd");
	property_value_finish(&p);
	assert_int_equal(property_value_parse("default=True type=int ", &p), 0);
	assert_true(property_value_absent(&p));
	property_value_finish(&p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(property_value_parse(bad[i], &p), -EBADMSG);
}

static void
test_property_lists(void **state)
{
	struct property_list list;

	assert_int_equal(property_list_parse("b default=True type=str x\\\\n\\ny\n"
					     "a default=False type=int 3\n",
				 &list),
		0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].name, "a");
	assert_string_equal(property_list_find(&list, "b")->value, "x\\n\ny");
	assert_null(property_list_find(&list, "c"));
	property_list_finish(&list);
	assert_int_equal(property_list_parse("", &list), 0);
	assert_int_equal(list.count, 0);
	property_list_finish(&list);
	assert_int_equal(property_list_parse("a default=False type=int 3\n\n", &list), -EBADMSG);
	assert_int_equal(property_list_parse("a default=False type=str \\q\n", &list), -EBADMSG);
}

static void
test_volume_info(void **state)
{
	static const char info[] = "pool=p\nvid=a=b\nsize=10\nusage=\n";
	char *value = volume_info_value(info, "vid");

	assert_string_equal(value, "a=b");
	free(value);
	assert_null(volume_info_value(info, "siz"));
	assert_null(volume_info_value(info, "rw"));
	assert_int_equal(volume_info_number(info, "size"), 10);
	assert_int_equal(volume_info_number(info, "usage"), 0);
	assert_int_equal(volume_info_number(info, "pool"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_uuid_twice),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_property_values),
		cmocka_unit_test(test_property_lists),
		cmocka_unit_test(test_volume_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
