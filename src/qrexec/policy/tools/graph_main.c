/* qrexec-policy-graph: the policy as a graph for dot (spec qrexec.md 6.5). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/overlay.h"
#include "qrexec/policy/tool.h"
#include "qrexec/policy/tools/graph.h"

#define NAMES_MAX 1024

struct names {
	const char *items[NAMES_MAX];
	size_t count;
};

struct options {
	struct graph_options graph;
	struct names sources, targets, services;
	const char *output, *policy_directory, *system_info;
};

static int
usage(FILE *out)
{
	fprintf(out, "usage: qrexec-policy-graph [OPTION...]\n"
		     "  --include-ask         also draw calls that the user is asked about\n"
		     "  --source NAME...      only calls of these qubes\n"
		     "  --target NAME...      only calls to these\n"
		     "  --service NAME...     only these services\n"
		     "  --output FILE         instead of the standard output\n"
		     "  --policy-dir DIR      read this directory of policy only\n"
		     "  --system-info FILE    what is known about the qubes, as JSON\n"
		     "  --skip-labels         without the names of services\n"
		     "  --full-output         arguments apart, keywords as they are written\n"
		     "Allowed calls are red, asked ones orange. To draw: "
		     "qrexec-policy-graph | dot -Tsvg\n");
	return out == stdout ? 0 : 2;
}

static int
add_name(struct names *n, const char *name)
{
	if (n->count == NAMES_MAX)
		return -1;
	n->items[n->count++] = name;
	return 0;
}

/* A list option takes its word and those behind it that are no options. */
static int
take_names(struct names *n, int argc, char **argv)
{
	int result = add_name(n, optarg);

	while (result == 0 && optind < argc && argv[optind][0] != '-')
		result = add_name(n, argv[optind++]);
	return result;
}

/* -1 to go on, else the exit status. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"include-ask", no_argument, NULL, 'a'},
		{"source", required_argument, NULL, 's'},
		{"target", required_argument, NULL, 't'},
		{"service", required_argument, NULL, 'S'},
		{"output", required_argument, NULL, 'o'},
		{"policy-dir", required_argument, NULL, 'p'},
		{"system-info", required_argument, NULL, 'i'},
		{"skip-labels", no_argument, NULL, 'l'},
		{"full-output", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, result = 0;

	while (result == 0 && (option = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			o->graph.include_ask = true;
			break;
		case 's':
			result = take_names(&o->sources, argc, argv);
			break;
		case 't':
			result = take_names(&o->targets, argc, argv);
			break;
		case 'S':
			result = take_names(&o->services, argc, argv);
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'p':
			o->policy_directory = optarg;
			break;
		case 'i':
			o->system_info = optarg;
			break;
		case 'l':
			o->graph.skip_labels = true;
			break;
		case 'f':
			o->graph.full_output = true;
			break;
		default:
			return usage(option == 'h' ? stdout : stderr);
		}
	}
	if (result < 0 || optind != argc)
		return usage(stderr);
	o->graph.sources = (struct graph_list){o->sources.items, o->sources.count};
	o->graph.targets = (struct graph_list){o->targets.items, o->targets.count};
	o->graph.services = (struct graph_list){o->services.items, o->services.count};
	return -1;
}

static int
draw(const struct options *o, struct policy *policy, struct policy_facts *facts, struct err *err)
{
	AUTO_FILE FILE *file = NULL;
	struct policy_view *v;

	if (policy_error(policy) != NULL)
		return err_set(err, EINVAL, "policy: %s", policy_error(policy));
	if (o->output != NULL && (file = fopen(o->output, "we")) == NULL)
		return err_set_errno(err, errno, "file '%s': cannot create", o->output);
	v = policy_view_create(policy, facts);
	graph_print(v, &o->graph, file != NULL ? file : stdout);
	policy_view_unref(v);
	if (fflush(file != NULL ? file : stdout) != 0)
		return err_set_errno(err, errno, "output");
	return 0;
}

static int
run(const struct options *o, struct err *err)
{
	struct policy_directories directories;
	struct policy_facts *facts = tool_read_facts(o->system_info, err);
	struct policy *policy;
	int result;

	if (facts == NULL)
		return -1;
	tool_find_directories(o->policy_directory, &directories);
	policy = policy_compile_changed(&directories, NULL);
	policy_directories_finish(&directories);
	result = draw(o, policy, facts, err);
	policy_unref(policy);
	policy_facts_unref(facts);
	return result;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE struct options *options = xcalloc(1, sizeof(*options));
	int status = parse_options(options, argc, argv);

	if (status >= 0)
		return status;
	if (run(options, &err) < 0) {
		fprintf(stderr, "qrexec-policy-graph: error: %s\n", err_message(&err));
		return 1;
	}
	return 0;
}
