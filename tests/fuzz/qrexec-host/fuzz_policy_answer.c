/* Policy answers: what is accepted can be used as a path, a word and a user as it is. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "qrexec/host/policy_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_word(const char *word)
{
	assert(word == NULL || (strpbrk(word, "/ \t\r\n") == NULL && word[0] != '\0'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_POLICY_ANSWER struct policy_answer answer = {0};

	if (policy_answer_parse(data, size, &answer, &err) < 0) {
		assert(err.message != NULL && answer.user == NULL);
		return 0;
	}
	assert(size < POLICY_ANSWER_MAX);
	assert(!answer.allow || (answer.user && answer.target && answer.requested_target));
	check_word(answer.target);
	check_word(answer.target_uuid);
	check_word(answer.requested_target);
	check_word(answer.service);
	check_word(answer.policy_source);
	assert(answer.user == NULL || strpbrk(answer.user, ": \n") == NULL);
	return 0;
}
