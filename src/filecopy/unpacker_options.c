/* Options of qfile-unpacker (unpacker.h); the same as those of the original helper. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "filecopy/unpacker.h"

/* A qube that is paused for longer than that sends anew. */
#define PATIENCE_SECONDS 1800
#define PATIENCE_SECONDS_MAX 1000000

enum { OPTION_NAMES = 256, OPTION_NO_NAMES, OPTION_LINKS, OPTION_NO_LINKS, OPTION_SWEEP };

static const char usage[] =
	"usage: qfile-unpacker [OPTION]... [UID [DIRECTORY]]\n"
	"Receives files of qubes.Filecopy on stdin, answers on stdout.\n"
	"\n"
	"  -v, --verbose                     log each name\n"
	"  -w, --wait-for-space=BYTES        before each file, wait until so much more is free\n"
	"      --max-bytes=BYTES             refuse more than so many bytes of files\n"
	"      --max-entries=NUMBER          refuse more than so many entries\n"
	"      --patience=SECONDS            give up when nothing comes for so long (1800;\n"
	"                                    0: never), or next to nothing four times as long\n"
	"      --[no-]allow-all-names        take names with any character\n"
	"      --[no-]allow-unsafe-symlinks  take links that lead anywhere\n"
	"      --sweep                       receive nothing; complete or remove what receivers\n"
	"                                    that were killed left\n"
	"  -h, --help                        print this\n";

static const struct option long_options[] = {
	{"verbose", no_argument, NULL, 'v'},
	{"wait-for-space", required_argument, NULL, 'w'},
	{"max-bytes", required_argument, NULL, 'B'},
	{"max-entries", required_argument, NULL, 'E'},
	{"patience", required_argument, NULL, 'P'},
	{"allow-all-names", no_argument, NULL, OPTION_NAMES},
	{"no-allow-all-names", no_argument, NULL, OPTION_NO_NAMES},
	{"allow-unsafe-symlinks", no_argument, NULL, OPTION_LINKS},
	{"no-allow-unsafe-symlinks", no_argument, NULL, OPTION_NO_LINKS},
	{"sweep", no_argument, NULL, OPTION_SWEEP},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static uint64_t
number(const char *text, uint64_t max)
{
	uint64_t value;

	if (text_parse_u64(text, max, &value) < 0)
		fatal("'%s' is not a number", text);
	return value;
}

static void
take_option(int option, struct receive_config *config)
{
	switch (option) {
	case 'v':
		config->verbose = true;
		break;
	case 'w':
		config->wait_for_space = true;
		config->space_margin = number(optarg, INT64_MAX);
		break;
	case 'B':
		config->max_bytes = number(optarg, INT64_MAX);
		break;
	case 'E':
		config->max_entries = number(optarg, INT64_MAX);
		break;
	case 'P':
		config->patience_seconds = (unsigned int)number(optarg, PATIENCE_SECONDS_MAX);
		break;
	case OPTION_NAMES:
		config->flags |= FILECOPY_ALLOW_UNSAFE_CHARACTERS;
		break;
	case OPTION_NO_NAMES:
		config->flags &= ~(unsigned int)FILECOPY_ALLOW_UNSAFE_CHARACTERS;
		break;
	case OPTION_LINKS:
		config->flags |= FILECOPY_ALLOW_UNSAFE_SYMLINKS;
		break;
	case OPTION_NO_LINKS:
		config->flags &= ~(unsigned int)FILECOPY_ALLOW_UNSAFE_SYMLINKS;
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fputs(usage, stderr);
		exit(1);
	}
}

void
unpacker_parse_options(int argc, char **argv, struct unpacker_options *ret_options)
{
	struct unpacker_options o = {
		.config = {.flags = FILECOPY_QUBE_FLAGS, .patience_seconds = PATIENCE_SECONDS}};
	int option;

	/* Mixed with the arguments, as an older form of the command line has them. */
	while ((option = getopt_long(argc, argv, "vw:h", long_options, NULL)) != -1) {
		if (option == OPTION_SWEEP)
			o.sweep = true;
		else
			take_option(option, &o.config);
	}
	if (argc - optind > 2)
		fatal("too many arguments");
	if (argc > optind)
		o.uid = argv[optind];
	if (argc > optind + 1)
		o.directory = argv[optind + 1];
	*ret_options = o;
}
