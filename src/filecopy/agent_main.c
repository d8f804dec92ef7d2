/*
 * qfile-agent: the sender's end of a call of qubes.Filecopy. Its stdout is the stream, its stdin
 * the answer; qvm-copy and qvm-move start it, once the call was accepted. Runs as the user who
 * owns the files.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "filecopy/send.h"
#include "filecopy/settle.h"

static const char usage[] =
	"usage: qfile-agent [OPTION]... FILE...\n"
	"Sends files on stdout as qubes.Filecopy takes them, and reads the answer on stdin.\n"
	"\n"
	"  --move             take the files away when the receiver confirmed them\n"
	"  --ignore-symlinks  leave out symbolic links\n"
	"  --peer=NAME        whom to name in the record of the transfer\n"
	"  --help             print this\n";

struct agent_options {
	struct send_config config;
	bool move;
	const char *peer;
};

static void
parse_options(int argc, char **argv, struct agent_options *ret_options)
{
	static const struct option long_options[] = {
		{"move", no_argument, NULL, 'm'},
		{"ignore-symlinks", no_argument, NULL, 'i'},
		{"peer", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct agent_options o = {.peer = "@default"};
	int option;

	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		if (option == 'm') {
			o.move = true;
		} else if (option == 'i') {
			o.config.ignore_links = true;
		} else if (option == 'p') {
			o.peer = optarg;
		} else {
			fputs(usage, option == 'h' ? stdout : stderr);
			exit(option == 'h' ? 0 : 1);
		}
	}
	if (optind == argc)
		fatal("no file is named");
	*ret_options = o;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct agent_options o;
	struct progress progress;
	struct sent_list sent = {0};
	struct send_outcome outcome;
	unsigned int stayed;

	log_init("qfile-agent");
	parse_options(argc, argv, &o);
	signal(SIGPIPE, SIG_IGN);
	progress_init(&progress);
	o.config.progress = &progress;
	sent.wanted = o.move;
	if (send_paths(STDOUT_FILENO, STDIN_FILENO, argv + optind, &o.config, &sent, &outcome,
		    &err) < 0)
		fatal("%s", err_message(&err));
	stayed = settle_transfer(o.move, o.peer, argv + optind, &sent, &outcome);
	sent_finish(&sent);
	return o.move && (stayed > 0 || outcome.left_out > 0) ? 1 : 0;
}
