/* The seam to the prompt: an inquiry that waits for the user, and what may happen meanwhile. */
#include "../base/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../protocol/qrexec-policy/fake_qubesd.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/decider.h"
#include "qrexec/policy/facts_source.h"

#define STEPS 1000

static char root[] = "/tmp/bulkhead-test-decider-XXXXXX";
/* The last digit of red's UUID is put in. */
#define FACTS                                                                                      \
	"{\"domains\":{"                                                                           \
	"\"dom0\":{\"type\":\"AdminVM\",\"uuid\":\"00000000-0000-0000-0000-000000000000\"},"       \
	"\"work\":{\"type\":\"AppVM\",\"guivm\":\"dom0\"},"                                        \
	"\"red\":{\"type\":\"AppVM\",\"uuid\":\"c0ffee00-0000-4000-8000-00000000000%s\"},"         \
	"\"alone\":{\"type\":\"AppVM\"}}}"

/* A prompt that the test answers by hand. */
struct played_prompter {
	struct prompter base;
	unsigned started, cancelled, notified;
	bool refuses;
	prompt_callback callback;
	void *data;
};

static struct prompt *
start(struct prompter *base, const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *asked, prompt_callback callback, void *data)
{
	struct played_prompter *p = (struct played_prompter *)base;

	p->started++;
	p->callback = callback;
	p->data = data;
	return p->refuses ? NULL : (struct prompt *)p;
}

static void
cancel(struct prompt *prompt)
{
	((struct played_prompter *)prompt)->cancelled++;
}

static void
notify(struct prompter *base, const struct policy_notification *notification)
{
	((struct played_prompter *)base)->notified++;
}

static struct played_prompter prompter;
static struct policy_directories directories;
static struct fake_qubesd qubesd;
static struct loop *loop;
static struct decider *decider;
static enum policy_result last_result;
static enum policy_reason last_reason;
static unsigned answers;

static void
write_rules(const char *text)
{
	AUTO_FREE char *path = path_join(directories.path[POLICY_SYSTEM], "30.policy");

	assert_int_equal(write_file(path, text, strlen(text), 0644, NULL), 0);
}

static void
write_facts(const char *digit)
{
	AUTO_FREE char *path = root_path("/facts.json");
	AUTO_FREE char *text = text_format(FACTS, digit);

	assert_int_equal(write_file(path, text, strlen(text), 0644, NULL), 0);
}

static int
set_up(void **state)
{
	struct decider_config config = {.directories = &directories, .prompter = &prompter.base};

	prompter = (struct played_prompter){
		.base = {.start = start, .cancel = cancel, .notify = notify}};
	answers = 0;
	write_facts("1");
	write_rules("s * @anyvm red ask notify=yes\n");
	loop = loop_create();
	decider = decider_create(loop, &config);
	return decider != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	decider_destroy(decider);
	loop_destroy(loop);
	return 0;
}

static void
note_answer(const struct policy_view *v, const struct policy_decision *d,
	const struct inquiry_question *question, void *data)
{
	last_result = d->result;
	last_reason = d->reason;
	answers++;
}

static struct inquiry *
ask(const char *source)
{
	const struct inquiry_question question = {
		.request = {.source = source, .target = "red", .service = "s"}};

	return decider_ask(decider, &question, note_answer, NULL);
}

static void
run_until(const unsigned *counter, unsigned wanted)
{
	for (int i = 0; i < STEPS && *counter < wanted; i++)
		loop_step(loop, 100);
	assert_int_equal(*counter, wanted);
}

static void
the_user_decides(void **state)
{
	assert_non_null(ask("work"));
	run_until(&prompter.started, 1);
	assert_int_equal(answers, 0);
	prompter.callback(PROMPT_ANSWERED, "allow:red", prompter.data);
	run_until(&answers, 1);
	assert_int_equal(last_result, POLICY_ALLOW);
	assert_int_equal(prompter.notified, 1);
	assert_non_null(ask("work"));
	run_until(&prompter.started, 2);
	prompter.callback(PROMPT_FAILED, NULL, prompter.data);
	run_until(&answers, 2);
	assert_int_equal(last_result, POLICY_DENY);
	assert_int_equal(last_reason, POLICY_REASON_NO_PROMPT_AGENT);
}

static void
an_answer_to_another_policy_counts_for_nothing(void **state)
{
	static const char *const rules[] = {"s * @anyvm red deny\n", "s * @anyvm red allow\n"};

	for (unsigned i = 0; i < 2; i++) {
		write_rules("s * @anyvm red ask\n");
		assert_non_null(ask("work"));
		run_until(&prompter.started, i + 1);
		/* While the prompt is open the policy changes. */
		write_rules(rules[i]);
		prompter.callback(PROMPT_ANSWERED, "allow:red", prompter.data);
		run_until(&answers, i + 1);
		assert_int_equal(last_result, POLICY_DENY);
		assert_int_equal(last_reason, POLICY_REASON_CHANGED);
	}
}

static void
an_answer_is_for_the_qubes_that_were_shown(void **state)
{
	assert_non_null(ask("work"));
	run_until(&prompter.started, 1);
	/* While the prompt is open another qube takes the name. */
	write_facts("2");
	fake_qubesd_send_event(&qubesd);
	/* Should the decider not listen yet, what it knows grows old. */
	usleep((FACTS_MAX_AGE_MS + 100) * 1000);
	prompter.callback(PROMPT_ANSWERED, "allow:red", prompter.data);
	run_until(&answers, 1);
	assert_int_equal(last_result, POLICY_DENY);
	assert_int_equal(last_reason, POLICY_REASON_CHANGED);
}

static void
a_caller_that_goes_takes_its_prompt_along(void **state)
{
	struct inquiry *inquiry = ask("work");

	run_until(&prompter.started, 1);
	inquiry_cancel(inquiry);
	assert_int_equal(prompter.cancelled, 1);
	/* And one that still waits for facts. */
	inquiry_cancel(ask("work"));
	assert_int_equal(answers, 0);
}

static void
without_a_prompt_an_ask_is_a_refusal(void **state)
{
	prompter.refuses = true;
	ask("work");
	run_until(&answers, 1);
	assert_int_equal(last_result, POLICY_DENY);
	assert_int_equal(last_reason, POLICY_REASON_TOO_MANY_PROMPTS);
	ask("alone");
	run_until(&answers, 2);
	assert_int_equal(last_reason, POLICY_REASON_NO_GUI_QUBE);
	assert_int_equal(prompter.started, 1);
}

static int
set_up_group(void **state)
{
	AUTO_FREE char *facts_path = NULL;

	log_set_level(LOG_LEVEL_ERROR);
	if (mkdtemp(root) == NULL || setenv("BULKHEAD_ROOT", root, 1) < 0)
		return -1;
	policy_directories_default(&directories);
	for (size_t i = 0; i < POLICY_DIRECTORIES; i++)
		make_directories(directories.path[i], 0755, NULL);
	facts_path = root_path("/facts.json");
	fake_qubesd_start(&qubesd, facts_path, true);
	return 0;
}

static int
tear_down_group(void **state)
{
	fake_qubesd_stop(&qubesd);
	policy_directories_finish(&directories);
	return remove_tree(root, NULL);
}

#define WITH_DECIDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DECIDER(the_user_decides),
		WITH_DECIDER(an_answer_to_another_policy_counts_for_nothing),
		WITH_DECIDER(an_answer_is_for_the_qubes_that_were_shown),
		WITH_DECIDER(a_caller_that_goes_takes_its_prompt_along),
		WITH_DECIDER(without_a_prompt_an_ask_is_a_refusal),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
