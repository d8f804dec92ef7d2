/*
 * qubes-fs-tree-check: tells whether a receiver of qubes.Filecopy takes some files, for scripts of
 * others that were written for the original program. Exit status 0: yes; 2: only one that allows
 * all names; 1: no.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "filecopy/check.h"
#include "filecopy/names.h"

#define UNSAFE_NAMES_STATUS 2

static const char usage[] =
	"usage: qubes-fs-tree-check [OPTION]... [--] FILE...\n"
	"\n"
	"  --allow-symlinks, --no-allow-symlinks          take symbolic links\n"
	"  --allow-directories, --no-allow-directories    take directories\n"
	"  --allow-unsafe-characters                      names may have any character\n"
	"  --ignore-symlinks                              leave links out\n"
	"  --machine                                      print the number of bytes only\n"
	"  --help                                         print this\n";

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"allow-symlinks", no_argument, NULL, 's'},
		{"no-allow-symlinks", no_argument, NULL, 'S'},
		{"allow-directories", no_argument, NULL, 'd'},
		{"no-allow-directories", no_argument, NULL, 'D'},
		{"allow-unsafe-characters", no_argument, NULL, 'u'},
		{"ignore-symlinks", no_argument, NULL, 'i'},
		{"machine", no_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	AUTO_ERR struct err err = ERR_INIT;
	struct check_result found;
	unsigned int flags = 0;
	bool ignore_links = false, machine = false;
	int option;

	log_init("qubes-fs-tree-check");
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			flags |= FILECOPY_ALLOW_SYMLINKS;
			break;
		case 'S':
			flags &= ~(unsigned int)FILECOPY_ALLOW_SYMLINKS;
			break;
		case 'd':
			flags |= FILECOPY_ALLOW_DIRECTORIES;
			break;
		case 'D':
			flags &= ~(unsigned int)FILECOPY_ALLOW_DIRECTORIES;
			break;
		case 'u':
			flags |= FILECOPY_ALLOW_UNSAFE_CHARACTERS;
			break;
		case 'i':
			ignore_links = true;
			break;
		case 'm':
			machine = true;
			break;
		default:
			fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 1;
		}
	}
	if (check_paths(argv + optind, flags, ignore_links, &found, &err) < 0)
		fatal("%s", err_message(&err));
	printf(machine ? "%" PRIu64 "\n" : "%" PRIu64 " bytes\n", found.bytes);
	return found.unsafe_names && (flags & FILECOPY_ALLOW_UNSAFE_CHARACTERS) == 0
		       ? UNSAFE_NAMES_STATUS
		       : 0;
}
