/*
 * qrexec-policy: questions to the policy, asked by hand. The same engine as the daemon's, on the
 * same files, with the facts the administration daemon gives or a file holds.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/tool.h"

static int
usage(FILE *out)
{
	fprintf(out,
		"usage: qrexec-policy explain [OPTION...] SOURCE TARGET SERVICE[+ARGUMENT]\n"
		"       qrexec-policy explain --what-if FILE|DIR [OPTION...]\n"
		"       qrexec-policy grants list|revoke ID...|revoke --all\n"
		"  --all                also list the rules for other services\n"
		"  --for QUBE           SOURCE claims to speak for this qube\n"
		"  --policy-dir DIR     read this directory of policy only\n"
		"  --system-info FILE   what is known about the qubes, as JSON\n"
		"  --what-if FILE|DIR   as if the file were in the policy, or the directory were "
		"it;\n"
		"                       without a call: what would be decided differently\n"
		"  --as NAME            what FILE is called there, e.g. 30-user.policy\n"
		"Exit status of explain: 0 allow, 3 ask, 1 deny, 2 when it can not be told; of\n"
		"--what-if without a call: 0 nothing different, 1 something, 4 policy has an "
		"error.\n");
	return out == stdout ? 0 : 2;
}

static int
parse_options(struct explain_options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"all", no_argument, NULL, 'a'},
		{"for", required_argument, NULL, 'f'},
		{"policy-dir", required_argument, NULL, 'p'},
		{"system-info", required_argument, NULL, 's'},
		{"what-if", required_argument, NULL, 'w'},
		{"as", required_argument, NULL, 'A'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			o->all = true;
			break;
		case 'f':
			o->request.requested_source = optarg;
			break;
		case 'p':
			o->policy_directory = optarg;
			break;
		case 's':
			o->system_info = optarg;
			break;
		case 'w':
			o->what_if = optarg;
			break;
		case 'A':
			o->place = optarg;
			break;
		case 'h':
			exit(usage(stdout));
		default:
			return -1;
		}
	}
	if (o->what_if == NULL && o->place != NULL)
		return -1;
	return argc - optind == 3 || (o->what_if != NULL && argc == optind) ? 0 : -1;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct explain_options options = {0};
	int status;

	if (argc >= 2 && text_equal(argv[1], "grants"))
		return tool_grants(argc - 1, argv + 1, stdout);
	if (argc < 2 || !text_equal(argv[1], "explain"))
		return usage(argc == 2 && text_equal(argv[1], "--help") ? stdout : stderr);
	argc--;
	argv++;
	if (parse_options(&options, argc, argv) < 0)
		return usage(stderr);
	if (argc == optind) {
		status = tool_what_if(&options, stdout, &err);
	} else {
		options.request.source = argv[optind];
		options.request.target = argv[optind + 1];
		options.request.service = argv[optind + 2];
		status = tool_explain(&options, stdout, &err);
	}
	if (status < 0) {
		fprintf(stderr, "qrexec-policy: %s\n", err_message(&err));
		return 2;
	}
	return status;
}
