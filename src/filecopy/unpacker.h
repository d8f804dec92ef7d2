/* Options of qfile-unpacker. */
#ifndef BULKHEAD_FILECOPY_UNPACKER_H
#define BULKHEAD_FILECOPY_UNPACKER_H

#include <stdbool.h>

#include "filecopy/receive.h"

struct unpacker_options {
	struct receive_config config;
	const char *uid;       /* or NULL */
	const char *directory; /* or NULL: ~/QubesIncoming/SOURCE */
	bool sweep;            /* receive nothing, only settle leftovers */
};

/* Ends the process after --help, and on a mistake. */
void unpacker_parse_options(int argc, char **argv, struct unpacker_options *ret_options);

#endif
