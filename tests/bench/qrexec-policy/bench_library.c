/* Evaluations a second and their time inside the library; also compiling, facts and binding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "bench_system.h"
#include "qrexec/policy/facts_json.h"
#include "qrexec/policy/files.h"
#include "qrexec/policy/policy.h"

#define EVALUATIONS 200000
#define KINDS 4096

static uint64_t times_ns[EVALUATIONS];
static struct bench_request kinds[KINDS];

static void
evaluate_all(const struct policy_view *v, unsigned qubes, const char *what)
{
	uint64_t total = 0, asks = 0;

	for (unsigned i = 0; i < KINDS; i++)
		bench_make_request(i, qubes, &kinds[i]);
	for (size_t i = 0; i < EVALUATIONS; i++) {
		const struct bench_request *kind = &kinds[i % KINDS];
		struct policy_request request = {
			.source = kind->source, .target = kind->target, .service = kind->service};
		struct policy_decision d;
		uint64_t start = bench_now_ns();

		policy_evaluate(v, &request, &d);
		times_ns[i] = bench_now_ns() - start;
		total += times_ns[i];
		asks += d.result == POLICY_ASK;
		policy_decision_finish(&d);
	}
	bench_print(what, times_ns, EVALUATIONS, total);
	printf("    (%.0f %% of them asks, with their choices)\n",
		100.0 * (double)asks / EVALUATIONS);
}

static void
run(const char *root, unsigned rules, unsigned qubes)
{
	AUTO_FREE char *json = bench_facts(qubes);
	AUTO_FREE char *text = bench_rules(rules, qubes);
	AUTO_FREE char *file = text_format("%s/30-bench.policy", root);
	AUTO_FREE char *what = text_format("default + %u rules, %u qubes", rules, qubes);
	struct policy_directories directories = {
		{text_copy(root), text_copy(POLICY_SOURCE), text_copy(root)}};
	AUTO_ERR struct err err = ERR_INIT;
	struct policy_files files;
	struct policy_loader loader;
	struct policy_facts *facts;
	struct policy_view *v;
	struct policy *policy;
	uint64_t t[4];

	if (write_file(file, text, strlen(text), 0644, &err) < 0)
		abort();
	policy_files_init(&files, &directories);
	loader = policy_files_loader(&files);
	t[0] = bench_now_ns();
	policy = policy_compile(&loader);
	t[1] = bench_now_ns();
	facts = policy_facts_from_json(json, strlen(json), &err);
	t[2] = bench_now_ns();
	if (policy_error(policy) != NULL || facts == NULL) {
		fprintf(stderr, "%s\n", facts ? policy_error(policy) : err_message(&err));
		exit(1);
	}
	v = policy_view_create(policy, facts);
	t[3] = bench_now_ns();
	evaluate_all(v, qubes, what);
	printf("    read and compile %.2f ms, facts from JSON %.2f ms, bind %.3f ms\n",
		(double)(t[1] - t[0]) / 1e6, (double)(t[2] - t[1]) / 1e6,
		(double)(t[3] - t[2]) / 1e6);
	policy_view_unref(v);
	policy_unref(policy);
	policy_facts_unref(facts);
	policy_files_finish(&files);
	policy_directories_finish(&directories);
}

int
main(void)
{
	static const unsigned rules[] = {100, 1000}, qubes[] = {60, 300};
	char root[] = "/tmp/bulkhead-bench-policy-XXXXXX";

	if (mkdtemp(root) == NULL)
		return 1;
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 2; j++)
			run(root, rules[i], qubes[j]);
	}
	remove_tree(root, NULL);
	return 0;
}
