/*
 * policy-vectors [-n] FILE...: evaluates test vectors (spec qrexec.md section 8), prints every
 * failure with what was expected and what came, and ends with "N passed, N failed". -n also
 * prints differences in what the specification only wishes (notifications, rules). Exit status 1
 * on a failure, 2 when a file can not be read.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/facts_json.h"
#include "vector_outcome.h"
#include "vector_tree.h"

static unsigned passed, failed, differences;
static bool show_differences;

/* Two arrays as sets of texts; `optional` (NULL: none) may be missing from the second. */
static bool
same_set(const json_t *expected, const json_t *given, const json_t *optional)
{
	size_t i, j, missing = 0;
	json_t *a, *b;

	if (!json_is_array(given))
		return false;
	json_array_foreach(expected, i, a)
	{
		bool found = false, may_miss = false;

		json_array_foreach(given, j, b) found |= json_equal(a, b);
		json_array_foreach(optional, j, b) may_miss |= json_equal(a, b);
		if (!found && !may_miss)
			return false;
		missing += !found;
	}
	return json_array_size(given) == json_array_size(expected) - missing;
}

static bool
is_default_user(const json_t *user)
{
	return user == NULL || json_is_null(user) || text_equal(json_string_value(user), "");
}

/* Whether one member of `expect` is met. `optional` concerns the choices. */
static bool
member_matches(const char *key, const json_t *expected, const json_t *given, const json_t *optional)
{
	if (text_equal(key, "targets"))
		return same_set(expected, given, optional);
	if (text_equal(key, "response"))
		return json_is_null(expected) || same_set(expected, given, NULL);
	if (text_equal(key, "user") && is_default_user(expected))
		return is_default_user(given);
	return json_equal(expected, given);
}

/* Which members have to be met, rather than should. */
static bool
is_binding(const char *key, const char *result)
{
	static const char *const wishes[] = {"rule", "notifications", "kind", "crash"};

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		if (text_equal(key, wishes[i]))
			return false;
	}
	return !text_equal(result, "deny") || text_equal(key, "result") ||
	       text_equal(key, "response");
}

static void
print_difference(const char *id, const char *kind, const char *key, const json_t *expected,
	const json_t *given)
{
	AUTO_FREE char *wanted =
		json_dumps(expected, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	AUTO_FREE char *got =
		given ? json_dumps(given, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	printf("%s: %s: %s\n    expected %s\n    given    %s\n", kind, id, key, wanted,
		got != NULL ? got : "nothing");
}

/* Whether all binding members are met; prints those that are not unless `quiet`. */
static bool
expectation_met(const char *id, json_t *expect, const json_t *given, bool quiet)
{
	const char *result = json_string_value(json_object_get(expect, "result")), *key;
	const json_t *optional = json_object_get(expect, "without");
	bool met = true;
	json_t *expected;

	json_object_foreach(expect, key, expected)
	{
		const json_t *actual = json_object_get(given, key);
		bool binding = is_binding(key, result);

		if (text_equal(key, "crash") || text_equal(key, "without") ||
			member_matches(key, expected, actual, optional))
			continue;
		met = met && !binding;
		differences += !binding && !quiet;
		if (!quiet && (binding || show_differences))
			print_difference(id, binding ? "FAILED" : "differs", key, expected, actual);
	}
	return met;
}

/* An alternative that keeps all choices but some takes the others from the original's answer. */
static json_t *
complete_alternative(const json_t *expect, json_t *alternative)
{
	json_t *complete = json_copy(alternative);

	if (json_object_get(alternative, "without") != NULL)
		json_object_set(complete, "targets", json_object_get(expect, "targets"));
	return complete;
}

static bool
alternative_met(const json_t *vector, const json_t *given)
{
	const json_t *expect = json_object_get(vector, "expect");
	bool crashed = json_object_get(expect, "crash") != NULL, met = false;
	json_t *alternative;
	size_t i;

	/* Where the original broke down and so refused, any refusal is fine. */
	if (crashed && text_equal(json_string_value(json_object_get(given, "result")), "deny"))
		return true;
	json_array_foreach(json_object_get(vector, "also_ok"), i, alternative)
	{
		json_t *complete = complete_alternative(expect, alternative);

		met |= expectation_met("", complete, given, true);
		json_decref(complete);
	}
	return met;
}

static void
judge(const json_t *vector, const json_t *given)
{
	const char *id = json_string_value(json_object_get(vector, "id"));
	json_t *expect = json_object_get(vector, "expect");
	bool strict = json_is_true(json_object_get(vector, "strict"));

	if ((!strict && alternative_met(vector, given)) ||
		expectation_met(id, expect, given, false))
		passed++;
	else
		failed++;
}

static const char *
text_of(const json_t *vector, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(vector, key));

	return text != NULL ? text : otherwise;
}

static int
run_vector(const json_t *vector, struct policy_facts *facts, struct err *err)
{
	struct policy_request request = {
		.source = text_of(vector, "source", ""),
		.requested_source = text_of(vector, "requested_source", NULL),
		.target = text_of(vector, "target", ""),
		.service = text_of(vector, "service", ""),
	};
	struct vector_tree tree = {0};
	struct policy_files files;
	struct policy_loader loader;
	struct policy *policy;
	struct policy_view *view;
	json_t *given;

	if (vector_tree_create(json_object_get(vector, "policy"), &tree, err) < 0) {
		vector_tree_destroy(&tree);
		return -1;
	}
	policy_files_init(&files, &tree.directories);
	loader = policy_files_loader(&files);
	policy = policy_compile(&loader);
	view = policy_view_create(policy, facts);
	given = vector_outcome(view, &request, text_of(vector, "answer", "deny"), tree.root);
	judge(vector, given);
	json_decref(given);
	policy_view_unref(view);
	policy_unref(policy);
	policy_files_finish(&files);
	vector_tree_destroy(&tree);
	return 0;
}

static int
run_all(json_t *root, struct err *err)
{
	const json_t *systems = json_object_get(root, "systems");
	json_t *vector;
	size_t i;

	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		const char *name = text_of(vector, "system", "");
		struct policy_facts *facts =
			policy_facts_from_domains(json_object_get(systems, name), err);
		int result;

		if (facts == NULL)
			return err_wrap(err, "system '%s'", name);
		result = run_vector(vector, facts, err);
		policy_facts_unref(facts);
		if (result < 0)
			return err_wrap(err, "vector '%s'", text_of(vector, "id", "?"));
	}
	return 0;
}

static int
run_file(const char *path, struct err *err)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	int result;

	if (root == NULL)
		return err_set(err, EINVAL, "line %d: %s", error.line, error.text);
	if (!text_equal(text_of(root, "format", ""), "qrexec-policy-vectors"))
		result = err_set(err, EINVAL, "these are no policy vectors");
	else
		result = run_all(root, err);
	json_decref(root);
	return result;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	int option;

	while ((option = getopt(argc, argv, "n")) != -1) {
		if (option != 'n')
			return 2;
		show_differences = true;
	}
	if (optind == argc) {
		fprintf(stderr, "usage: policy-vectors [-n] FILE...\n");
		return 2;
	}
	for (int i = optind; i < argc; i++) {
		if (run_file(argv[i], &err) < 0) {
			fprintf(stderr, "policy-vectors: %s: %s\n", argv[i], err_message(&err));
			return 2;
		}
	}
	if (differences > 0)
		printf("%u differences in what is only wished (-n shows them)\n", differences);
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0 ? 1 : 0;
}
