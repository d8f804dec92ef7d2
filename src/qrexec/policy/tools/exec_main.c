/*
 * qrexec-policy-exec: one question to the policy without its daemon (spec qrexec.md 6.2), for
 * programs that still start it. What the user would have to be asked is refused, as nobody asks.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/answer.h"
#include "qrexec/policy/decision_log.h"
#include "qrexec/policy/overlay.h"
#include "qrexec/policy/tool.h"

#define EXIT_DENY 1

struct options {
	struct policy_request request;
	const char *policy_directory;
	bool assume_yes, just_evaluate;
};

static int
usage(FILE *out)
{
	fprintf(out, "usage: qrexec-policy-exec [OPTION...] [--] SOURCE TARGET SERVICE+ARGUMENT\n"
		     "  --assume-yes-for-ask  as if the user agreed to TARGET\n"
		     "  --just-evaluate       print the result only, log nothing\n"
		     "  --path DIR            read this directory of policy only\n"
		     "Exit status: 0 allow, 1 deny.\n");
	/* Whatever goes wrong is a refusal. */
	return out == stdout ? 0 : EXIT_DENY;
}

/* -1 to go on, else the exit status. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"assume-yes-for-ask", no_argument, NULL, 'y'},
		{"just-evaluate", no_argument, NULL, 'j'},
		{"path", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
		if (option == 'y')
			o->assume_yes = true;
		else if (option == 'j')
			o->just_evaluate = true;
		else if (option == 'p')
			o->policy_directory = optarg;
		else
			return usage(option == 'h' ? stdout : stderr);
	}
	if (argc - optind != 3)
		return usage(stderr);
	o->request.source = argv[optind];
	o->request.target = argv[optind + 1];
	o->request.service = argv[optind + 2];
	return -1;
}

static void
write_log(const struct options *o, const struct policy_view *v, const struct policy_decision *d)
{
	AUTO_FREE char *path = root_path(DECISION_LOG_PATH);
	AUTO_ERR struct err err = ERR_INIT;
	struct decision_log *log = decision_log_open(path, &err);

	if (log == NULL)
		log_warning("%s", err_message(&err));
	else
		decision_log_write(log, v, &o->request, d, loop_now_ms());
	decision_log_close(log);
}

static int
answer(const struct options *o, const struct policy_view *v, const struct policy_decision *d,
	struct err *err)
{
	AUTO_BUF struct buf out;
	int result;

	buf_init(&out, POLICY_ANSWER_MAX);
	result = policy_answer_format(v, &o->request, d, o->just_evaluate, &out);
	if (result == 0)
		result = write_all(STDOUT_FILENO, buf_data(&out), buf_len(&out));
	if (result < 0)
		return err_set_errno(err, -result, "answer");
	return d->result == POLICY_ALLOW ? 0 : EXIT_DENY;
}

static int
decide(const struct options *o, const struct policy_view *v, struct err *err)
{
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;

	policy_evaluate(v, &o->request, &d);
	if (d.result == POLICY_ASK && o->assume_yes)
		policy_assume_yes(v, &d);
	if (d.result == POLICY_ASK)
		policy_refuse_ask(&d, o->just_evaluate ? POLICY_REASON_ASK_NOT_ALLOWED
						       : POLICY_REASON_NO_PROMPT_AGENT);
	if (!o->just_evaluate)
		write_log(o, v, &d);
	return answer(o, v, &d, err);
}

static int
run(const struct options *o, struct err *err)
{
	struct policy_facts *facts = tool_read_facts(NULL, err);
	struct policy_directories directories;
	struct policy_view *v;
	struct policy *policy;
	int result;

	if (facts == NULL)
		return -1;
	tool_find_directories(o->policy_directory, &directories);
	policy = policy_compile_changed(&directories, NULL);
	policy_directories_finish(&directories);
	if (policy_error(policy) != NULL)
		log_error("policy: every call is refused: %s", policy_error(policy));
	v = policy_view_create(policy, facts);
	result = decide(o, v, err);
	policy_view_unref(v);
	policy_unref(policy);
	policy_facts_unref(facts);
	return result;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct options options = {0};
	int status;

	log_init("qrexec-policy-exec");
	status = parse_options(&options, argc, argv);
	if (status >= 0)
		return status;
	status = run(&options, &err);
	if (status >= 0)
		return status;
	log_error("%s", err_message(&err));
	puts("result=deny");
	return EXIT_DENY;
}
