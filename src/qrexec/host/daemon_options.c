/* Command line of qrexec-daemon. Its caller is trusted; names are checked as they become paths. */
#include "qrexec/host/daemon_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/host/socket_names.h"

const char daemon_usage[] =
	"usage: qrexec-daemon [OPTION]... --uuid=UUID DOMAIN-NUMBER NAME [DEFAULT-USER]\n"
	"Serves the calls from and to one running qube.\n"
	"\n"
	"  -u, --uuid=UUID             UUID of the qube (required)\n"
	"      --socket-dir=DIRECTORY  where the sockets of daemons are (/run/qubes)\n"
	"  -p, --policy-program=PROG   program to ask when the policy daemon does not answer\n"
	"  -D, --direct                stay in the foreground, log to stderr\n"
	"  -q, --quiet                 say nothing while waiting for the agent\n"
	"      --reader-uid=UID        user of the process that reads what the qube says\n"
	"      --ready-fd=N            write a newline to descriptor N when connected\n"
	"  -h, --help                  show this text\n"
	"\n"
	"QREXEC_STARTUP_TIMEOUT  seconds to wait for the agent (60)\n"
	"QREXEC_STARTUP_NOWAIT   when set: go to the background at once\n";

enum option_code {
	OPTION_SOCKET_DIRECTORY = 256,
	OPTION_READY_FD,
	OPTION_READER_UID,
};

static const struct option long_options[] = {
	{"uuid", required_argument, NULL, 'u'},
	{"socket-dir", required_argument, NULL, OPTION_SOCKET_DIRECTORY},
	{"policy-program", required_argument, NULL, 'p'},
	{"direct", no_argument, NULL, 'D'},
	{"quiet", no_argument, NULL, 'q'},
	{"ready-fd", required_argument, NULL, OPTION_READY_FD},
	{"reader-uid", required_argument, NULL, OPTION_READER_UID},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int
parse_ready_fd(const char *text, int *ret_fd, struct err *err)
{
	uint64_t value;

	if (text_parse_u64(text, 65535, &value) < 0)
		return err_set(err, EINVAL, "ready-fd '%s' is not a descriptor", text);
	*ret_fd = (int)value;
	return 0;
}

static int
parse_reader_uid(const char *text, uid_t *ret_uid, struct err *err)
{
	uint64_t value;

	if (text_parse_u64(text, UINT32_MAX - 1, &value) < 0 || value == 0)
		return err_set(
			err, EINVAL, "reader-uid '%s' is not that of an ordinary user", text);
	*ret_uid = (uid_t)value;
	return 0;
}

static int
parse_option(struct daemon_options *o, int code, const char *argument, struct err *err)
{
	switch (code) {
	case 'u':
		o->uuid = argument;
		return 0;
	case 'p':
		o->policy_program = argument;
		return 0;
	case 'D':
		o->foreground = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case OPTION_SOCKET_DIRECTORY:
		o->socket_directory = argument;
		return 0;
	case OPTION_READY_FD:
		return parse_ready_fd(argument, &o->ready_fd, err);
	case OPTION_READER_UID:
		return parse_reader_uid(argument, &o->reader_uid, err);
	default:
		return err_set(err, EINVAL, "option is not known, or lacks its value");
	}
}

static int
parse_operands(struct daemon_options *o, int count, char *const *operands, struct err *err)
{
	uint64_t domain;

	if (count < 2 || count > 3)
		return err_set(err, EINVAL, "domain number and name are needed");
	if (text_parse_u64(operands[0], INT32_MAX, &domain) < 0 || domain == 0)
		return err_set(err, EINVAL, "domain number '%s' is not valid", operands[0]);
	o->domain = (int)domain;
	o->name = operands[1];
	if (!socket_target_valid(o->name) || text_starts_with(o->name, "uuid:"))
		return err_set(err, EINVAL, "name '%s' is not valid", o->name);
	if (count == 3)
		o->default_user = operands[2];
	if (o->default_user[0] == '\0' || strpbrk(o->default_user, ": \t\n") != NULL)
		return err_set(err, EINVAL, "default user '%s' is not valid", o->default_user);
	return 0;
}

static int
read_environment(struct daemon_options *o, struct err *err)
{
	const char *timeout = getenv("QREXEC_STARTUP_TIMEOUT");
	uint64_t value = o->foreground ? 0 : DAEMON_STARTUP_TIMEOUT_S;

	if (timeout != NULL && text_parse_u64(timeout, 86400, &value) < 0)
		return err_set(err, EINVAL, "QREXEC_STARTUP_TIMEOUT '%s' is not valid", timeout);
	o->startup_timeout_s = (unsigned int)value;
	o->startup_nowait = getenv("QREXEC_STARTUP_NOWAIT") != NULL;
	return 0;
}

int
daemon_options_parse(
	int argc, char *const *argv, struct daemon_options *ret_options, struct err *err)
{
	struct daemon_options o = {
		.ready_fd = DAEMON_NO_FD,
		.reader_uid = (uid_t)-1,
		.default_user = DAEMON_DEFAULT_USER,
	};
	int code;

	optind = 0; /* from the start, also when called again */
	opterr = 0;
	while ((code = getopt_long(argc, argv, "u:p:Dqh", long_options, NULL)) != -1) {
		if (parse_option(&o, code, optarg, err) < 0)
			return -1;
	}
	if (!o.help) {
		if (o.uuid == NULL)
			return err_set(err, EINVAL, "uuid is needed");
		if (!uuid_valid(o.uuid))
			return err_set(err, EINVAL, "uuid '%s' is not valid", o.uuid);
		if (parse_operands(&o, argc - optind, argv + optind, err) < 0 ||
			read_environment(&o, err) < 0)
			return -1;
	}
	*ret_options = o;
	return 0;
}
