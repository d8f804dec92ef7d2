/* The small parts around prompts: events, rates, and files of grants as they should not be. */
#include "../base/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/event_reader.h"
#include "qrexec/policy/grant_list.h"
#include "qrexec/policy/rate_limit.h"

static void
events_come_in_pieces(void **state)
{
	static const char bytes[] = "1\0work\0domain-stopped\0key\0value\0\0"
				    "1\0\0connection-established\0\0";
	AUTO_BUF struct buf in;
	struct qubes_event event;
	size_t first = sizeof("1\0work\0domain-stopped\0key\0value\0");

	buf_init(&in, 1024);
	for (size_t i = 0; i < first - 1; i++) {
		assert_int_equal(event_peek(&in, &event), -EAGAIN);
		buf_put(&in, bytes + i, 1);
	}
	buf_put(&in, bytes + first - 1, sizeof(bytes) - first);
	assert_int_equal(event_peek(&in, &event), 0);
	assert_string_equal(event.subject, "work");
	assert_string_equal(event.name, "domain-stopped");
	assert_int_equal(event.size, first);
	buf_consume(&in, event.size);
	assert_int_equal(event_peek(&in, &event), 0);
	assert_string_equal(event.subject, "");
	assert_string_equal(event.name, "connection-established");
}

static void
what_is_no_event_is_told(void **state)
{
	AUTO_BUF struct buf in;
	struct qubes_event event;

	buf_init(&in, 1024);
	buf_put(&in, "2\0QubesException\0", 17);
	assert_int_equal(event_peek(&in, &event), -EBADMSG);
}

static void
a_rate_is_a_burst_and_an_interval(void **state)
{
	struct rate_limit r;

	rate_limit_init(&r, 3, 1000);
	for (int i = 0; i < 3; i++)
		assert_true(rate_limit_take(&r, "work", 5000));
	assert_false(rate_limit_take(&r, "work", 5000));
	assert_true(rate_limit_take(&r, "red", 5000));
	assert_false(rate_limit_take(&r, "work", 5999));
	assert_true(rate_limit_take(&r, "work", 6000));
	assert_false(rate_limit_take(&r, "work", 6000));
	for (int i = 0; i < 3; i++)
		assert_true(rate_limit_take(&r, "work", 60000));
	assert_false(rate_limit_take(&r, "work", 60000));
	rate_limit_finish(&r);
}

#define RULE "s + a b allow target=b\n"

/* An end that can not be read is no end to wait for. */
static void
grants_without_a_sound_end_are_left_out(void **state)
{
	static const char text[] =
		"# grant 0 for=hour ends=5\n" RULE "# grant 0 for=hour\ns +1 a b allow target=b\n"
		"# grant 0 for=always\ns +2 a b allow target=b\n"
		"# grant 0 for=stop stops=\ns +3 a b allow target=b\n"
		"# grant 0 for=hour ends=-1\ns +4 a b allow target=b\n"
		"s +5 a b allow target=b\n"
		"# grant 0 for=stop stops=a\ns +6 a b allow target=b";
	char path[] = "/tmp/bulkhead-test-grants-XXXXXX";
	AUTO_FD int fd = mkstemp(path);
	AUTO_GRANTS struct grant_list l;

	grant_list_init(&l);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(grant_list_read(&l, path, false, NULL), 0);
	unlink(path);
	assert_int_equal(l.count, 2);
	assert_int_equal(l.left_out, 5);
}

static void
grants_survive_their_file(void **state)
{
	static const char text[] = "# grant 0 given=x for=always from=a asked=b to=b\n" RULE RULE
				   "written.by.hand * a b allow\n";
	char path[] = "/tmp/bulkhead-test-grants-XXXXXX";
	AUTO_FD int fd = mkstemp(path);
	AUTO_GRANTS struct grant_list l, again;
	const struct grant *g;
	AUTO_FREE char *from = NULL;

	grant_list_init(&l);
	grant_list_init(&again);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(grant_list_read(&l, path, true, NULL), 0);
	/* The same rule twice is one grant, the later. */
	assert_int_equal(l.count, 2);
	assert_int_equal(grant_list_write(&l, path, NULL), 0);
	assert_int_equal(grant_list_read(&again, path, true, NULL), 0);
	assert_int_equal(again.count, 2);
	g = container_of(again.grants.next, struct grant, link);
	assert_string_equal(g->rule, "s + a b allow target=b");
	assert_int_equal(g->term, GRANT_ALWAYS);
	from = grant_field(g, "from");
	assert_string_equal(from, "");
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_in_pieces),
		cmocka_unit_test(what_is_no_event_is_told),
		cmocka_unit_test(a_rate_is_a_burst_and_an_interval),
		cmocka_unit_test(grants_without_a_sound_end_are_left_out),
		cmocka_unit_test(grants_survive_their_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
