/* What the fuzz targets of the policy engine share: facts, and what must hold of any decision. */
#ifndef BULKHEAD_FUZZ_POLICY_COMMON_H
#define BULKHEAD_FUZZ_POLICY_COMMON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/answer.h"
#include "qrexec/policy/memory_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* dom0, a caller, a target, two templates for disposables, a relay and the qube behind it. */
static inline struct policy_facts *
fuzz_facts(void)
{
	static const char *const office[] = {"office"};
	static const struct policy_qube_description qubes[] = {
		{.name = "dom0", .uuid = POLICY_DOM0_UUID, .type = "AdminVM"},
		{.name = "work",
			.uuid = "c0ffee00-0000-4000-8000-000000000001",
			.type = "AppVM",
			.tags = office,
			.tag_count = 1,
			.power_state = "Running",
			.default_dispvm = "dvm",
			.guivm = "dom0"},
		{.name = "red", .uuid = "", .type = "AppVM", .guivm = "dom0"},
		{.name = "dvm", .uuid = "", .type = "AppVM", .template_for_dispvms = true},
		{.name = "relay", .uuid = "", .type = "AppVM", .power_state = "Running"},
		{.name = "far",
			.uuid = "",
			.type = "RemoteVM",
			.relayvm = "relay",
			.transport_rpc = "t.T",
			.guivm = "dom0"},
	};
	struct policy_facts *facts = policy_facts_create();

	for (size_t i = 0; i < sizeof(qubes) / sizeof(qubes[0]); i++) {
		if (policy_facts_add(facts, &qubes[i], NULL) < 0)
			abort();
	}
	if (policy_facts_seal(facts, NULL) < 0)
		abort();
	return facts;
}

static inline struct policy *
fuzz_policy(const uint8_t *data, size_t size)
{
	const struct memory_tree_file files[] = {
		{POLICY_SYSTEM, "30.policy", (const char *)data, size},
		{POLICY_SYSTEM, "service", "$anyvm $anyvm ask\n", 18},
		{POLICY_LEGACY, "s+k", "a b allow\n", 10},
	};
	const struct memory_tree tree = {files, 3};
	struct policy_loader loader = memory_tree_loader(&tree);

	return policy_compile(&loader);
}

/* Evaluates, answers the prompt, writes the answer down; nothing may contradict anything. */
static inline void
fuzz_evaluate(const struct policy_view *v, const struct policy_request *request)
{
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;
	char text[POLICY_TARGET_TEXT_MAX], choice[POLICY_TARGET_TEXT_MAX + 8];
	struct policy_notification notification;
	AUTO_BUF struct buf out;
	size_t cursor = 0;

	policy_evaluate(v, request, &d);
	if (policy_error(policy_view_policy(v)) != NULL && d.result != POLICY_DENY)
		abort();
	if (d.rule != POLICY_NONE && policy_rule_mismatch(v, request, &d, d.rule) != POLICY_MATCHES)
		abort();
	if (d.result == POLICY_ASK) {
		struct policy_target target = policy_choice_next(v, &d, &cursor);

		if (target.kind == POLICY_TARGET_NONE)
			abort();
		snprintf(choice, sizeof(choice), "allow:%s", policy_target_text(v, target, text));
		policy_prompt_answer(v, &d, choice);
		if (d.result == POLICY_ASK || d.reason == POLICY_REASON_BAD_PROMPT_ANSWER)
			abort();
	}
	if (d.result == POLICY_ALLOW && d.target.kind == POLICY_TARGET_QUBE &&
		(d.target.qube == d.source || d.target.qube == d.caller))
		abort();
	buf_init(&out, 1 << 20);
	policy_answer_format(v, request, &d, false, &out);
	policy_notification(v, request, &d, &notification);
}

#endif
