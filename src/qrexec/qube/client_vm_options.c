/* Options of qrexec-client-vm; see client_vm_options.h. */
#include "qrexec/qube/client_vm_options.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

#define USAGE_STATUS 2
#define BUFFER_SIZE_MAX 67108864

enum {
	OPTION_BUFFER_SIZE = 256,
	OPTION_NO_FILTER_OUTPUT,
	OPTION_NO_FILTER_ERRORS,
	OPTION_USE_STDIN_SOCKET,
	OPTION_VERSION,
};

static void
print_usage(FILE *out)
{
	fputs("usage: qrexec-client-vm [OPTION]... TARGET SERVICE[+ARGUMENT] [PROGRAM "
	      "ARGUMENT...]\n"
	      "Calls a service of another qube, with our standard streams or PROGRAM's.\n"
	      "\n"
	      "  -t, --filter-escape-chars-stdout      show only text (on when stdout is a "
	      "terminal)\n"
	      "  -T, --filter-escape-chars-stderr      the same for stderr\n"
	      "      --no-filter-escape-chars-stdout   pass on every byte\n"
	      "      --no-filter-escape-chars-stderr\n"
	      "  -p, --prefix-data=TEXT                send TEXT before stdin\n"
	      "  -s, --source-qube=NAME                claim to call on behalf of NAME\n"
	      "      --use-stdin-socket                use stdin, a socket, in both directions\n"
	      "      --buffer-size=BYTES               least room of the channel each way\n"
	      "  -a, --agent-socket=PATH               where the agent listens\n"
	      "  -h, --help                            print this\n"
	      "      --version                         print the version\n",
		out);
}

static void __attribute__((noreturn)) fail_usage(void)
{
	print_usage(stderr);
	exit(USAGE_STATUS);
}

static size_t
parse_size(const char *text)
{
	uint64_t value;

	if (text_parse_u64(text, BUFFER_SIZE_MAX, &value) < 0) {
		fprintf(stderr, "qrexec-client-vm: buffer size '%s': not a number of bytes\n",
			text);
		exit(USAGE_STATUS);
	}
	return (size_t)value;
}

static void
take_option(int option, struct client_vm_options *o)
{
	switch (option) {
	case 't':
		o->filter_output = true;
		break;
	case 'T':
		o->filter_errors = true;
		break;
	case OPTION_NO_FILTER_OUTPUT:
		o->filter_output = false;
		break;
	case OPTION_NO_FILTER_ERRORS:
		o->filter_errors = false;
		break;
	case 'a':
		o->agent_socket = optarg;
		break;
	case 'p':
		o->prefix = optarg;
		break;
	case 's':
		o->source = optarg;
		break;
	case OPTION_USE_STDIN_SOCKET:
		o->use_stdin_socket = true;
		break;
	case OPTION_BUFFER_SIZE:
		o->buffer_size = parse_size(optarg);
		break;
	case 'h':
		print_usage(stdout);
		exit(0);
	case OPTION_VERSION:
		puts("qrexec-client-vm (Bulkhead) " BULKHEAD_VERSION);
		exit(0);
	default:
		fail_usage();
	}
}

void
client_vm_parse_options(int argc, char **argv, struct client_vm_options *ret_options)
{
	static const struct option long_options[] = {
		{"filter-escape-chars-stdout", no_argument, NULL, 't'},
		{"filter-escape-chars-stderr", no_argument, NULL, 'T'},
		{"no-filter-escape-chars-stdout", no_argument, NULL, OPTION_NO_FILTER_OUTPUT},
		{"no-filter-escape-chars-stderr", no_argument, NULL, OPTION_NO_FILTER_ERRORS},
		{"agent-socket", required_argument, NULL, 'a'},
		{"prefix-data", required_argument, NULL, 'p'},
		{"source-qube", required_argument, NULL, 's'},
		{"use-stdin-socket", no_argument, NULL, OPTION_USE_STDIN_SOCKET},
		{"buffer-size", required_argument, NULL, OPTION_BUFFER_SIZE},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, OPTION_VERSION},
		{0},
	};
	struct client_vm_options o = {0};
	int option;

	o.filter_output = isatty(STDOUT_FILENO);
	o.filter_errors = isatty(STDERR_FILENO);
	/* '+': what follows the target belongs to the service and to the program. */
	while ((option = getopt_long(argc, argv, "+tTa:p:s:h", long_options, NULL)) != -1)
		take_option(option, &o);
	if (argc - optind < 2)
		fail_usage();
	o.target = argv[optind];
	o.service = argv[optind + 1];
	if (argc - optind > 2)
		o.program = argv + optind + 2;
	if (o.use_stdin_socket && o.program != NULL) {
		fputs("qrexec-client-vm: --use-stdin-socket: not with a program\n", stderr);
		exit(USAGE_STATUS);
	}
	*ret_options = o;
}
