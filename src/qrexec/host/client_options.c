/* Command line of qrexec-client. */
#include "qrexec/host/client_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/host/client.h"
#include "qrexec/host/socket_names.h"

const char client_usage[] =
	"usage: qrexec-client -d TARGET [OPTION]... COMMAND\n"
	"Runs a command or a service in a qube. COMMAND is USER:COMMAND LINE or\n"
	"USER:QUBESRPC SERVICE SOURCE; the user DEFAULT is the qube's own.\n"
	"\n"
	"  -d TARGET             name, uuid:UUID or domain number of the qube, or dom0\n"
	"  -l PROGRAM            join this local program instead of our stdin and stdout\n"
	"  -c ID,NAME,NUMBER     join the qube NAME that made request ID instead\n"
	"  -e                    only start the command\n"
	"  -E                    exit with 0 whatever the command's exit code\n"
	"  -t                    replace control bytes on stdout\n"
	"  -T                    replace control bytes on stderr\n"
	"  -W                    with -c: wait for the end of the call\n"
	"  -w SECONDS            how long to wait for the qube (10; 0: for ever)\n"
	"  -k                    kill the target at the end\n"
	"  -p, --prefix-data=TEXT  send this before stdin\n"
	"      --use-stdin-socket  stdin is a socket for both directions\n"
	"      --socket-dir=DIRECTORY  where the sockets of daemons are (/run/qubes)\n"
	"  -h, --help            show this text\n";

enum option_code {
	OPTION_SOCKET_DIRECTORY = 256,
	OPTION_USE_STDIN_SOCKET,
};

static const struct option long_options[] = {
	{"socket-dir", required_argument, NULL, OPTION_SOCKET_DIRECTORY},
	{"use-stdin-socket", no_argument, NULL, OPTION_USE_STDIN_SOCKET},
	{"prefix-data", required_argument, NULL, 'p'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

bool
client_target_is_dom0(const char *target)
{
	return text_equal(target, "dom0") || text_equal(target, "@adminvm") ||
	       text_equal(target, "uuid:00000000-0000-0000-0000-000000000000");
}

/* ID,NAME,NUMBER: the id has neither comma nor more than 31 characters. */
static int
parse_source(const char *text, struct client_source *ret_source, struct err *err)
{
	const char *first = strchr(text, ',');
	const char *second = first != NULL ? strchr(first + 1, ',') : NULL;
	struct client_source source;
	uint64_t domain;

	if (second == NULL || first == text || first - text >= QREXEC_REQUEST_ID_BYTES ||
		text_parse_u64(second + 1, INT32_MAX, &domain) < 0)
		return err_set(err, EINVAL, "source '%s' is not ID,NAME,NUMBER", text);
	source.request_id = text_format("%.*s", (int)(first - text), text);
	source.name = text_format("%.*s", (int)(second - first - 1), first + 1);
	source.domain = (uint32_t)domain;
	if (!socket_target_valid(source.name)) {
		err_set(err, EINVAL, "name '%s' is not valid", source.name);
		free(source.request_id);
		free(source.name);
		return -1;
	}
	*ret_source = source;
	return 0;
}

static int
parse_timeout(const char *text, int *ret_timeout_ms, struct err *err)
{
	uint64_t seconds;

	if (text_parse_u64(text, INT_MAX / 1000, &seconds) < 0)
		return err_set(err, EINVAL, "time '%s' is not valid", text);
	*ret_timeout_ms = (int)seconds * 1000;
	return 0;
}

static int
parse_option(struct client_options *o, int code, const char *argument, struct err *err)
{
	switch (code) {
	case 'd':
		o->target = argument;
		return 0;
	case 'l':
		o->local_program = argument;
		return 0;
	case 'c':
		if (o->connect_existing)
			return err_set(err, EINVAL, "option -c can be given once");
		o->connect_existing = true;
		return parse_source(argument, &o->source, err);
	case 'e':
		o->just_exec = true;
		return 0;
	case 'E':
		o->ignore_exit_code = true;
		return 0;
	case 't':
		o->filter_stdout = true;
		return 0;
	case 'T':
		o->filter_stderr = true;
		return 0;
	case 'W':
		o->wait_for_end = true;
		return 0;
	case 'w':
		return parse_timeout(argument, &o->connect_timeout_ms, err);
	case 'k':
		o->kill_target = true;
		return 0;
	case 'p':
		o->prefix = argument;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case OPTION_SOCKET_DIRECTORY:
		o->socket_directory = argument;
		return 0;
	case OPTION_USE_STDIN_SOCKET:
		o->use_stdin_socket = true;
		return 0;
	default:
		return err_set(err, EINVAL, "option is not known, or lacks its value");
	}
}

static int
check_together(const struct client_options *o, int operand_count, struct err *err)
{
	if (o->target == NULL)
		return err_set(err, EINVAL, "option -d is needed");
	if (operand_count != 1)
		return err_set(err, EINVAL, "exactly one command is needed");
	if ((o->connect_existing != 0) + (o->local_program != NULL) + o->just_exec > 1)
		return err_set(err, EINVAL, "options -c, -l and -e exclude each other");
	if (o->wait_for_end && !o->connect_existing)
		return err_set(err, EINVAL, "option -W is for -c only");
	if (o->prefix != NULL && o->connect_existing)
		return err_set(err, EINVAL, "option -p is not for -c");
	return 0;
}

int
client_options_parse(
	int argc, char *const *argv, struct client_options *ret_options, struct err *err)
{
	struct client_options o = {.connect_timeout_ms = CLIENT_CONNECT_TIMEOUT_MS};
	int code, result = 0;

	optind = 0; /* from the start, also when called again */
	opterr = 0;
	while (result == 0 &&
		(code = getopt_long(argc, argv, "d:l:c:eEtTWw:kp:h", long_options, NULL)) != -1)
		result = parse_option(&o, code, optarg, err);
	if (result == 0 && !o.help)
		result = check_together(&o, argc - optind, err);
	if (result < 0) {
		client_options_finish(&o);
		return -1;
	}
	o.command = o.help ? NULL : argv[optind];
	*ret_options = o;
	return 0;
}

void
client_options_finish(struct client_options *o)
{
	free(o->source.request_id);
	free(o->source.name);
	*o = (struct client_options){0};
}
