/* One line a decision, no more than a qube's share, nothing raw. */
#include "../base/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "fixture.h"
#include "qrexec/policy/decision_log.h"

static char root[] = "/tmp/bulkhead-test-declog-XXXXXX";
static char *path;
static struct policy_view *view;

static int
set_up(void **state)
{
	view = fixture_view("s * work red allow\n");
	if (mkdtemp(root) == NULL)
		return -1;
	path = path_join(root, "log");
	return 0;
}

static int
tear_down(void **state)
{
	policy_view_unref(view);
	free(path);
	return remove_tree(root, NULL);
}

static void
write_one(struct decision_log *log, const char *source, const char *target, const char *service,
	uint64_t now_ms)
{
	struct policy_request request = {.source = source, .target = target, .service = service};
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;

	policy_evaluate(view, &request, &d);
	decision_log_write(log, view, &request, &d, now_ms);
}

static char *
read_log(size_t *ret_lines)
{
	char *text = NULL;
	size_t size;

	assert_int_equal(read_file(path, 1 << 20, &text, &size, NULL), 0);
	*ret_lines = 0;
	for (size_t i = 0; i < size; i++)
		*ret_lines += text[i] == '\n';
	unlink(path);
	return text;
}

static void
a_line_says_everything(void **state)
{
	struct decision_log *log = decision_log_open(path, NULL);
	AUTO_FREE char *text = NULL;
	size_t lines;

	assert_non_null(log);
	write_one(log, "work", "red", "s+k", 0);
	write_one(log, "red", "no such\n\033[1m", "s", 0);
	decision_log_close(log);
	text = read_log(&lines);
	assert_int_equal(lines, 2);
	assert_non_null(strstr(text, "Z source=work asked=red given=red service=s argument=+k "
				     "rule=30-test.policy:1 answer=allow reason=rule\n"));
	assert_non_null(strstr(text,
		"Z source=red asked=no\\x20such\\x0a\\x1b[1m given=- service=s argument=+ "
		"rule=- answer=deny reason=no-rule\n"));
}

static void
a_loop_fills_only_its_share(void **state)
{
	struct decision_log *log = decision_log_open(path, NULL);
	AUTO_FREE char *text = NULL;
	size_t lines;

	for (int i = 0; i < 1000; i++)
		write_one(log, "red", "work", "s", 1000);
	write_one(log, "work", "red", "s", 1000);
	write_one(log, "red", "work", "s", 1000 + 1000 / DECISION_LOG_PER_SECOND);
	decision_log_close(log);
	text = read_log(&lines);
	assert_int_equal(lines, DECISION_LOG_BURST + 2);
	assert_non_null(strstr(text, " left_out=950\n"));
	assert_non_null(strstr(text, "source=work"));
}

/* Names that are no qube's share what they are given, whatever they are. */
static void
unknown_names_share(void **state)
{
	struct decision_log *log = decision_log_open(path, NULL);
	char name[] = "aaa";
	size_t lines;

	for (int i = 0; i < 500; i++) {
		name[0] = (char)('a' + i % 26);
		name[1] = (char)('a' + i / 26 % 26);
		write_one(log, name, "work", "s", 1000);
	}
	decision_log_close(log);
	free(read_log(&lines));
	assert_int_equal(lines, DECISION_LOG_BURST);
}

static void
a_log_is_opened_again(void **state)
{
	struct decision_log *log = decision_log_open(path, NULL);
	size_t lines;

	assert_int_equal(unlink(path), 0);
	assert_int_equal(decision_log_reopen(log, NULL), 0);
	write_one(log, "work", "red", "s", 0);
	decision_log_close(log);
	free(read_log(&lines));
	assert_int_equal(lines, 1);
}

/* However much is written, two files of limited size hold it. */
static void
a_log_has_a_bound(void **state)
{
	enum { LIMIT = 2000 };
	struct decision_log *log = decision_log_open(path, NULL);
	AUTO_FREE char *old = text_format("%s" DECISION_LOG_OLD, path);
	AUTO_FREE char *text = NULL;
	size_t lines, size;

	decision_log_set_limit(log, LIMIT);
	for (uint64_t i = 0; i < 100; i++)
		write_one(log, "work", "red", "s", i * 1000);
	decision_log_close(log);
	assert_int_equal(read_file(old, 1 << 20, &text, &size, NULL), 0);
	assert_in_range(size, 1, LIMIT);
	assert_int_equal(text[size - 1], '\n');
	free(steal_ptr(text));
	text = read_log(&lines);
	assert_in_range(strlen(text), 1, LIMIT);
	assert_int_equal(text[0], '2');
	unlink(old);

	/* What is there when it is opened counts too. */
	log = decision_log_open(path, NULL);
	write_one(log, "work", "red", "s", 0);
	decision_log_close(log);
	log = decision_log_open(path, NULL);
	decision_log_set_limit(log, 10);
	write_one(log, "work", "red", "s", 1000);
	decision_log_close(log);
	free(read_log(&lines));
	assert_int_equal(lines, 1);
	assert_int_equal(unlink(old), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_everything),
		cmocka_unit_test(a_loop_fills_only_its_share),
		cmocka_unit_test(unknown_names_share),
		cmocka_unit_test(a_log_is_opened_again),
		cmocka_unit_test(a_log_has_a_bound),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
