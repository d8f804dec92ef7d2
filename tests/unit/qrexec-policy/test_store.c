/* The policy in force follows its files, and fails closed. */
#include "../base/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/store.h"

static char root[] = "/tmp/bulkhead-test-policy-XXXXXX";
static struct policy_directories directories;

static char *
in_system(const char *name)
{
	return path_join(directories.path[POLICY_SYSTEM], name);
}

static void
write_policy(const char *name, const char *text)
{
	AUTO_FREE char *path = in_system(name);

	assert_int_equal(write_file(path, text, strlen(text), 0644, NULL), 0);
}

static void
remove_policy(const char *name)
{
	AUTO_FREE char *path = in_system(name);

	assert_int_equal(unlink(path), 0);
}

static int
set_up(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	if (mkdtemp(root) == NULL)
		return -1;
	directories.path[POLICY_RUNTIME] = path_join(root, "run");
	directories.path[POLICY_SYSTEM] = path_join(root, "etc");
	directories.path[POLICY_LEGACY] = path_join(root, "legacy");
	for (size_t i = 0; i < POLICY_DIRECTORIES; i++)
		mkdir(directories.path[i], 0755);
	write_policy("30.policy", "a * b c allow\n");
	return 0;
}

static int
tear_down(void **state)
{
	policy_directories_finish(&directories);
	return remove_tree(root, NULL);
}

static void
assert_rules(struct policy_store *s, size_t count)
{
	struct policy *p = policy_store_current(s);

	assert_null(policy_error(p));
	assert_int_equal(policy_rule_count(p), count);
}

static void
assert_broken(struct policy_store *s, const char *why)
{
	const char *error = policy_error(policy_store_current(s));

	assert_non_null(error);
	if (strstr(error, why) == NULL)
		fail_msg("the error is: %s", error);
}

static void
changes_are_seen_at_the_next_question(void **state)
{
	struct policy_store *s = policy_store_create(&directories);

	assert_rules(s, 1);
	write_policy("40.policy", "a * b c allow\nb * b c allow\n");
	assert_rules(s, 3);
	write_policy("40.policy", "broken\n");
	assert_broken(s, "40.policy:1:");
	assert_broken(s, "40.policy:1:");
	write_policy("40.policy", "!include more\n");
	assert_broken(s, "more");
	write_policy("more", "a * b c allow\n");
	assert_rules(s, 2);
	write_policy("more", "a * b c allow\na * b d allow\n");
	assert_rules(s, 3);
	remove_policy("40.policy");
	assert_rules(s, 1);
	remove_policy("more");
	policy_store_destroy(s);
}

static void
the_same_text_is_the_same_policy(void **state)
{
	struct policy_store *s = policy_store_create(&directories);
	struct policy *before = policy_store_current(s);

	write_policy("30.policy", "a * b c allow\n");
	assert_ptr_equal(policy_store_current(s), before);
	policy_store_destroy(s);
}

/* A place that inotify was not told of: only comparing shows the change. */
static void
files_are_compared_as_well(void **state)
{
	AUTO_FREE char *link = in_system("50.policy");
	AUTO_FREE char *far = path_join(root, "far");
	AUTO_FREE char *farther = path_join(far, "farther");
	AUTO_FREE char *there = path_join(farther, "there");
	struct policy_store *s;

	assert_int_equal(make_directories(farther, 0755, NULL), 0);
	assert_int_equal(write_file(there, "a * b c allow\n", 14, 0644, NULL), 0);
	assert_int_equal(symlink(there, link), 0);
	s = policy_store_create(&directories);
	assert_rules(s, 2);
	AUTO_FREE char *moved = path_join(root, "moved");
	assert_int_equal(rename(far, moved), 0);
	policy_store_expire(s);
	/* A dangling link is no policy. */
	assert_rules(s, 1);
	assert_int_equal(unlink(link), 0);
	policy_store_destroy(s);
}

static void
what_others_may_write_is_refused(void **state)
{
	AUTO_FREE char *path = in_system("30.policy");
	struct policy_store *s = policy_store_create(&directories);

	assert_rules(s, 1);
	assert_int_equal(chmod(path, 0666), 0);
	assert_broken(s, "everybody may write");
	assert_int_equal(chmod(path, 0644), 0);
	assert_rules(s, 1);
	assert_int_equal(chmod(directories.path[POLICY_SYSTEM], 0777), 0);
	assert_broken(s, "everybody may write");
	assert_int_equal(chmod(directories.path[POLICY_SYSTEM], 0755), 0);
	assert_rules(s, 1);
	policy_store_destroy(s);
}

static void
both_directories_must_be_there(void **state)
{
	struct policy_store *s;

	assert_int_equal(rmdir(directories.path[POLICY_RUNTIME]), 0);
	s = policy_store_create(&directories);
	assert_broken(s, "run");
	assert_int_equal(mkdir(directories.path[POLICY_RUNTIME], 0755), 0);
	assert_rules(s, 1);
	policy_store_destroy(s);
}

static void
a_huge_file_is_refused(void **state)
{
	AUTO_FREE char *text = xcalloc(1, POLICY_FILE_MAX_BYTES + 2);
	struct policy_store *s;

	memset(text, '\n', POLICY_FILE_MAX_BYTES + 1);
	write_policy("40.policy", text);
	s = policy_store_create(&directories);
	assert_broken(s, "larger than");
	remove_policy("40.policy");
	assert_rules(s, 1);
	policy_store_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_seen_at_the_next_question),
		cmocka_unit_test(the_same_text_is_the_same_policy),
		cmocka_unit_test(files_are_compared_as_well),
		cmocka_unit_test(what_others_may_write_is_refused),
		cmocka_unit_test(both_directories_must_be_there),
		cmocka_unit_test(a_huge_file_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
