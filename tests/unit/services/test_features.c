/* What dom0 believes of a qube (cases 99 and 100 of the specification), and the randomized time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/services/clock.h"
#include "tools/services/feature_rules.h"
#include "tools/services/updates.h"

struct rule_case {
	const char *title;
	const char *requests;
	const char *present; /* lines NAME=VALUE */
	const char *changes; /* +NAME=VALUE, -NAME or @TAG, each followed by a blank */
	bool has_template;
};

static const struct rule_case cases[] = {
	{"nothing", "", "", ""},
	{"of a template", "qrexec=1\nos-version=12\n", "", "+os-version=12 +qrexec=1 "},
	{"99: of an AppVM", "gui=1\nos-version=12\nsupported-rpc.qubes.X=1\n", "",
		"+supported-rpc.qubes.X=1 ", true},
	{"99: gui is set already", "gui=1\n", "gui=\n", ""},
	{"gui is 0", "gui=0\n", "", "+gui= "},
	{"99: os-version 12a", "os-version=12a\n", "", ""},
	{"os-version from a dot", "os-version=.5\n", "", ""},
	{"99: a value with a quote", "os-distribution=de\"bian\n", "", ""},
	{"99: anon-timezone off", "anon-timezone=0\n", "anon-timezone=1\n", ""},
	{"anon-timezone on", "anon-timezone=1\n", "", "+anon-timezone=1 "},
	{"a key with a slash", "../x=1\nos-distribution=a\n", "", "+os-distribution=a "},
	{"no key", "=1\n", "", ""},
	{"no line feed at the end", "os-distribution=debian", "", "+os-distribution=debian "},
	{"twice: the last", "os-distribution=a\nos-distribution=b\n", "", "+os-distribution=b "},
	{"as it is", "os-distribution=a\n", "os-distribution=a\n", ""},
	{"empty distribution", "os-distribution=\n", "", ""},
	{"a day", "os-eol=2028-02-29\n", "", "+os-eol=2028-02-29 "},
	{"no day", "os-eol=2027-02-29\n", "", ""},
	{"a day of another form", "os-eol=2027-2-9xx\n", "", ""},
	{"agent", "qubes-agent-version=4.3\n", "", "+qubes-agent-version=4.3 "},
	{"agent of four digits", "qubes-agent-version=4000.3\n", "", ""},
	{"agent of three numbers", "qubes-agent-version=4.3.1\n", "", ""},
	{"firewall off", "qubes-firewall=0\n", "qubes-firewall=1\n", "+qubes-firewall= "},
	{"a switch of 2", "vmexec=2\n", "", ""},
	{"unknown keys", "internal=1\npreload-dispvm-max=9\nservice.x=1\n", "", ""},
	{"services: less than before", "supported-service.a=1\n",
		"supported-service.a=1\nsupported-service.b=1\n", "-supported-service.b "},
	{"services: 0", "supported-service.a=0\n", "supported-service.a=1\n",
		"-supported-service.a "},
	{"services: none named", "supported-feature.x=1\n", "supported-service.b=1\n",
		"+supported-feature.x=1 "},
	{"a gateway", "whonix-gw=1\n", "", "@anon-gateway "},
	{"a gateway not", "whonix-gw=0\n", "", ""},
	{"boot modes", "boot-mode.kernelopts.x=a\nboot-mode.name.x=X\nboot-mode.active=x\n",
		"boot-mode.name.old=O\n",
		"+boot-mode.kernelopts.x=a +boot-mode.name.x=X +boot-mode.active=x "
		"-boot-mode.name.old "},
	{"boot modes: no name", "boot-mode.kernelopts.=a\n", "", ""},
	{"boot modes: a dot", "boot-mode.name.a.b=a\n", "", ""},
	{"boot modes: options of the default", "boot-mode.kernelopts.default=a\n", "", ""},
	{"boot modes: name of the default", "boot-mode.name.default=a\n", "",
		"+boot-mode.name.default=a "},
	{"boot modes: two of one name", "boot-mode.name.a=X\nboot-mode.name.b=X\n", "", ""},
	{"boot modes: unknown", "boot-mode.what=X\n", "", ""},
	{NULL},
};

static size_t
split(char *text, struct feature *features)
{
	size_t count = 0;

	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char *value = strchr(line, '=');

		*value++ = '\0';
		features[count++] = (struct feature){line, value};
	}
	return count;
}

static void
run_case(const struct rule_case *c)
{
	static struct feature_requests requests;
	AUTO_FREE char *text = text_copy(c->requests);
	AUTO_FREE char *present = text_copy(c->present);
	struct feature features[16];
	struct feature_rules rules = {.requests = &requests,
		.has_template = c->has_template,
		.features = features,
		.feature_count = split(present, features)};
	char found[1024] = "";

	assert_int_equal(requests_parse(text, strlen(text), &requests), 0);
	feature_rules_run(&rules);
	for (size_t i = 0; i < rules.change_count; i++) {
		const struct feature_change *change = &rules.changes[i];
		size_t length = strlen(found);

		snprintf(found + length, sizeof(found) - length, "%c%s%s%s ",
			change->kind == CHANGE_SET      ? '+'
			: change->kind == CHANGE_REMOVE ? '-'
							: '@',
			change->name, change->kind == CHANGE_SET ? "=" : "",
			change->kind == CHANGE_SET ? change->value : "");
	}
	feature_rules_finish(&rules);
	if (strcmp(found, c->changes) != 0)
		fail_msg("%s: '%s' and not '%s'", c->title, found, c->changes);
}

static void
test_rules(void **state)
{
	for (const struct rule_case *c = cases; c->title != NULL; c++)
		run_case(c);
}

static void
test_too_many(void **state)
{
	static struct feature_requests requests;
	char *text = malloc(REQUESTS_MAX_BYTES + 2);
	size_t size = 0;

	for (int i = 0; i <= REQUESTS_MAX; i++)
		size += (size_t)sprintf(text + size, "supported-rpc.%d=1\n", i);
	assert_int_equal(requests_parse(text, size, &requests), -E2BIG);
	memset(text, 'a', REQUESTS_MAX_BYTES + 1);
	assert_int_equal(requests_parse(text, REQUESTS_MAX_BYTES + 1, &requests), -E2BIG);
	free(text);
}

static void
test_boot_modes_limit(void **state)
{
	static struct feature_requests requests;
	char text[8192];

	for (int count = 64; count <= 65; count++) {
		struct feature_rules rules = {.requests = &requests};
		size_t size = 0;

		for (int i = 0; i < count; i++)
			size += (size_t)sprintf(text + size, "boot-mode.kernelopts.m%d=quiet\n", i);
		assert_int_equal(requests_parse(text, size, &requests), 0);
		feature_rules_run(&rules);
		assert_int_equal(rules.change_count, count == 64 ? 64 : 0);
		feature_rules_finish(&rules);
	}
}

/* Case 100. */
static void
test_update_counts(void **state)
{
	static const struct {
		const char *text;
		int result;
		bool any;
	} counts[] = {{"5\n", 0, true}, {"0", 0, false}, {"000\n", 0, false}, {" 12 \n", 0, true},
		{"-1", -EBADMSG, false}, {"1e3", -EBADMSG, false}, {"", -EBADMSG, false},
		{"\n", -EBADMSG, false}, {"1 2", -EBADMSG, false}, {"\xd9\xa1", -EBADMSG, false},
		{"99999999999999999999999999", 0, true}};
	char zeros[UPDATE_COUNT_MAX_BYTES + 1];
	bool any;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		any = !counts[i].any;
		assert_int_equal(update_count_parse(counts[i].text, strlen(counts[i].text), &any),
			counts[i].result);
		if (counts[i].result == 0)
			assert_int_equal(any, counts[i].any);
	}
	memset(zeros, '0', sizeof(zeros));
	assert_int_equal(update_count_parse(zeros, sizeof(zeros), &any), -EBADMSG);
	assert_int_equal(update_count_parse("1\0002", 3, &any), -EBADMSG);
}

static void
test_randomized_time(void **state)
{
	const struct timespec now = {.tv_sec = 1000000, .tv_nsec = 999999999};
	unsigned char random[16];

	for (int byte = 0; byte < 256; byte++) {
		struct timespec time;
		int64_t distance;

		memset(random, byte, sizeof(random));
		time = clock_randomized(&now, random);
		assert_true(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
		distance = ((int64_t)time.tv_sec - now.tv_sec) * 1000000000 + time.tv_nsec -
			   now.tv_nsec;
		assert_true(distance >= -180000000000 && distance <= 180000000000);
	}
	memset(random, 0, sizeof(random));
	assert_int_equal(clock_randomized(&now, random).tv_sec, now.tv_sec - 180);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_boot_modes_limit),
		cmocka_unit_test(test_update_counts),
		cmocka_unit_test(test_randomized_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
