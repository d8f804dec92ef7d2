/* Any bytes as a question on the policy socket, asked of a fixed policy. */
#include "fuzz_common.h"

static const char rules[] = "s +k work @dispvm allow\n"
			    "s * @tag:office red ask\n"
			    "s * * @adminvm deny\n"
			    "* * far * allow\n"
			    "t * * @anyvm ask default_target=red\n"
			    "* * * * allow autostart=no notify=yes\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_view *v;
	struct policy_question question;
	char *copy;

	if (v == NULL)
		v = policy_view_create(
			fuzz_policy((const uint8_t *)rules, strlen(rules)), fuzz_facts());
	copy = malloc(size + 1);
	memcpy(copy, data, size);
	copy[size] = '\0';
	size_t length = policy_question_length(copy, size);
	if (length > size)
		abort();
	if (policy_question_parse(copy, length > 0 ? length : size, &question, NULL) == 0)
		fuzz_evaluate(v, &question.request);
	free(copy);
	return 0;
}
