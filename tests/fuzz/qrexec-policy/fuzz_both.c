/* A question, an empty line, then a policy: both from anywhere. */
#include "fuzz_common.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = policy_question_length((const char *)data, size);
	struct policy_question question;
	struct policy_facts *facts;
	struct policy *policy;
	struct policy_view *v;
	char *copy;

	if (length == 0)
		return 0;
	copy = malloc(length + 1);
	memcpy(copy, data, length);
	if (policy_question_parse(copy, length, &question, NULL) == 0) {
		facts = fuzz_facts();
		policy = fuzz_policy(data + length, size - length);
		v = policy_view_create(policy, facts);
		fuzz_evaluate(v, &question.request);
		policy_view_unref(v);
		policy_unref(policy);
		policy_facts_unref(facts);
	}
	free(copy);
	return 0;
}
