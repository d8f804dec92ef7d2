/*
 * qvm-copy, qvm-move, qvm-copy-to-vm and qvm-move-to-vm in a qube. Looks at the files, then becomes
 * the caller's program, which starts qfile-agent when the call is accepted.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "filecopy/front.h"

#define AGENT_NAME "qfile-agent"

struct copy_options {
	struct front front;
	const char *target;
};

static void
print_usage(FILE *to, const char *program, bool named)
{
	fprintf(to,
		"usage: %s [OPTION]... %sFILE...\n"
		"%s files to %s; they arrive in ~/QubesIncoming/ there.\n"
		"\n"
		"  -q, --without-progress  do not show how far it is (also: --quiet)\n"
		"  -v, --with-progress     show it, also when stderr is not a terminal (also: "
		"--verbose)\n"
		"      --ignore-symlinks   leave out symbolic links\n"
		"      --no-ignore-symlinks  send them (the default)\n"
		"  -h, --help              print this\n"
		"      --version           print the version\n",
		program, named ? "VMNAME " : "",
		strstr(program, "move") != NULL ? "Moves" : "Copies",
		named ? "the qube VMNAME" : "a qube that you choose when asked");
}

static void
parse_options(int argc, char **argv, const char *program, struct copy_options *ret_options)
{
	static const struct option long_options[] = {
		{"without-progress", no_argument, NULL, 'q'},
		{"quiet", no_argument, NULL, 'q'},
		{"with-progress", no_argument, NULL, 'v'},
		{"verbose", no_argument, NULL, 'v'},
		{"ignore-symlinks", no_argument, NULL, 'i'},
		{"no-ignore-symlinks", no_argument, NULL, 'I'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	const bool named = text_ends_with(program, "-to-vm");
	struct copy_options o = {.target = "@default"};
	int option;

	o.front.move = strstr(program, "move") != NULL;
	o.front.show_progress = isatty(STDERR_FILENO) || getenv("PROGRESS_TYPE") != NULL;
	while ((option = getopt_long(argc, argv, "hqv", long_options, NULL)) != -1) {
		if (option == 'q' || option == 'v') {
			o.front.show_progress = option == 'v';
		} else if (option == 'i' || option == 'I') {
			o.front.ignore_links = option == 'i';
		} else if (option == 'V') {
			printf("%s (Bulkhead) " BULKHEAD_VERSION "\n", program);
			exit(0);
		} else {
			print_usage(option == 'h' ? stdout : stderr, program, named);
			exit(option == 'h' ? 0 : 2);
		}
	}
	if (argc - optind < (named ? 2 : 1)) {
		print_usage(stderr, program, named);
		exit(2);
	}
	if (named) {
		o.target = argv[optind++];
		fprintf(stderr, "%s: the qube is only a proposal; '%.8s FILE...' asks for it\n",
			program, program);
	}
	o.front.paths = argv + optind;
	*ret_options = o;
}

/* Beside this program where it was built, else where it is installed. */
static char *
find_agent(void)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *beside;

	if (length > 0) {
		self[length] = '\0';
		slash = strrchr(self, '/');
		beside = text_format("%.*s/" AGENT_NAME, (int)(slash - self), self);
		if (access(beside, X_OK) == 0)
			return beside;
		free(beside);
	}
	return text_copy(BULKHEAD_LIBEXECDIR "/" AGENT_NAME);
}

static void __attribute__((noreturn))
call(const struct copy_options *o, const char *service, size_t count)
{
	const char **argv = xcalloc(count + 12, sizeof(*argv));
	AUTO_FREE char *agent = find_agent();
	size_t n = 0;

	argv[n++] = "qrexec-client-vm";
	argv[n++] = "--filter-escape-chars-stderr";
	argv[n++] = "--";
	argv[n++] = o->target;
	argv[n++] = service;
	argv[n++] = agent;
	argv[n++] = "--peer";
	argv[n++] = o->target;
	if (o->front.move)
		argv[n++] = "--move";
	if (o->front.ignore_links)
		argv[n++] = "--ignore-symlinks";
	argv[n++] = "--";
	memcpy(argv + n, o->front.paths, count * sizeof(*argv));
	execvp(argv[0], (char *const *)argv);
	fatal("'%s': cannot execute: %s", argv[0], strerror(errno));
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *program = slash != NULL ? slash + 1 : argv[0];
	AUTO_ERR struct err err = ERR_INIT;
	struct copy_options o;
	const char *service;

	log_init(program);
	parse_options(argc, argv, program, &o);
	service = front_prepare(&o.front, &err);
	if (service == NULL)
		fatal("%s", err_message(&err));
	call(&o, service, (size_t)(argc - optind));
}
