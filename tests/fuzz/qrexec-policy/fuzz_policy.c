/* Any bytes as a policy file, asked a few fixed questions. */
#include "fuzz_common.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy_request requests[] = {
		{.source = "work", .target = "red", .service = "s"},
		{.source = "work", .target = "@dispvm", .service = "s+k"},
		{.source = "relay", .requested_source = "far", .target = "dom0", .service = "t"},
		{.source = "red", .target = "far", .service = "s"},
	};
	struct policy_facts *facts = fuzz_facts();
	struct policy *policy = fuzz_policy(data, size);
	struct policy_view *v = policy_view_create(policy, facts);

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		fuzz_evaluate(v, &requests[i]);
	policy_view_unref(v);
	policy_unref(policy);
	policy_facts_unref(facts);
	return 0;
}
