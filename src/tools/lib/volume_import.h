/*
 * Fills a volume of a halted qube with raw data, by the steps of spec admin-api.md 9.1: the daemon
 * names a file, we write it, the daemon takes it over. For programs of dom0.
 */
#ifndef BULKHEAD_TOOLS_LIB_VOLUME_IMPORT_H
#define BULKHEAD_TOOLS_LIB_VOLUME_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct volume_import {
	const char *qube, *volume;
	int fd;        /* of a file (from its beginning) or of a stream; not trusted */
	bool has_size; /* else the data has the volume's size */
	uint64_t size_bytes;
	/* How far it is; NULL: nobody wants to know. */
	void (*tell)(uint64_t done, uint64_t all, void *data);
	void *data;
};

/*
 * 0 or -1 with the error, in the daemon's words; then the volume is as it was. Data that is shorter
 * or longer than was said is an error.
 */
int volume_import_run(const struct volume_import *import, struct err *err);

#endif
