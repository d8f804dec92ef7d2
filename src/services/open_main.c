/*
 * qvm-open-in-vm and qvm-open-in-dvm: opens a file or an address in another qube. A file that was
 * edited there comes back. Runs as the user in a qube.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "services/open_file.h"
#include "services/url.h"

#define USAGE_STATUS 2

static void __attribute__((noreturn)) end_usage(const char *program, bool disposable, bool asked)
{
	fprintf(asked ? stdout : stderr,
		"usage: %s [OPTION]... %sFILE|URL\n"
		"Opens a file, or an address of the kind http, https or ftp, in %s.\n"
		"A file that was edited there takes the place of the one here.\n"
		"\n"
		"      --view-only  the file can not be changed\n"
		"  -h, --help       print this\n"
		"      --version    print the version\n",
		program, disposable ? "" : "VMNAME ",
		disposable ? "a new disposable" : "the qube VMNAME");
	exit(asked ? 0 : USAGE_STATUS);
}

/* Opened here for another qube already: a viewer that opens in a disposable would never end. */
static void
ask_if_nested(const char *what)
{
	char answer[16];
	FILE *terminal;

	if (getenv("BULKHEAD_OPENED_FOR") == NULL)
		return;
	terminal = fopen("/dev/tty", "r+e");
	if (terminal == NULL)
		fatal("'%s' was opened here for another qube; not in a further one, unasked", what);
	fprintf(terminal, "'%s' was opened here for another qube. Open it in a further one? [y/N] ",
		what);
	fflush(terminal);
	if (fgets(answer, sizeof(answer), terminal) == NULL || strchr("yY", answer[0]) == NULL)
		fatal("not opened");
	fclose(terminal);
}

static void __attribute__((noreturn)) open_url(const char *target, const char *url)
{
	AUTO_FREE char *line = text_format("%s\n", url);
	AUTO_FREE char *copy = text_copy(line);

	if (url_check_line(copy, strlen(copy)) < 0)
		fatal("'%s': not an address that can be opened", url);
	if (freopen("/dev/null", "r", stdin) == NULL)
		fatal("cannot open '/dev/null': %s", strerror(errno));
	execlp("qrexec-client-vm", "qrexec-client-vm", "-T", "-p", line, "--", target,
		"qubes.OpenURL", (char *)NULL);
	fatal("'qrexec-client-vm': cannot execute: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"view-only", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	const char *slash = strrchr(argv[0], '/'), *program = slash != NULL ? slash + 1 : argv[0];
	const bool disposable = text_ends_with(program, "-dvm");
	AUTO_ERR struct err err = ERR_INIT;
	const char *target = "@dispvm";
	bool view_only = false;
	int option, status;

	log_init(program);
	while ((option = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
		if (option == 'V') {
			printf("%s (Bulkhead) " BULKHEAD_VERSION "\n", program);
			return 0;
		}
		if (option != 'v')
			end_usage(program, disposable, option == 'h');
		view_only = true;
	}
	if (argc - optind != (disposable ? 1 : 2))
		end_usage(program, disposable, false);
	if (!disposable)
		target = argv[optind++];
	if (disposable || target[0] == '@' || target[0] == '$')
		ask_if_nested(argv[optind]);
	if (url_has_scheme(argv[optind]))
		open_url(target, argv[optind]);
	status = open_file_call(target, argv[optind], view_only, &err);
	if (status < 0)
		fatal("%s", err_message(&err));
	/* Why a call was not made is said already. */
	if (status != 0)
		log_error("'%s': not edited in '%s' to the end (status %d): it is as it was",
			argv[optind], target, status);
	return status;
}
