/*
 * The files of /etc that follow the qube's name, for a qube that is to be frozen (clone.h): the
 * name is taken out and the files stay open, so that each clone only adds its own.
 */
#ifndef BULKHEAD_QUBE_INIT_HOST_NAME_H
#define BULKHEAD_QUBE_INIT_HOST_NAME_H

#include <sys/types.h>

#include "base/err.h"

/* Descriptors are -1 where the file is protected and stays as it is. */
struct host_name_files {
	int name_fd;
	int hosts_fd;
	off_t hosts_end; /* after the lines that are not of the name */
};

int host_name_open(struct host_name_files *ret_files, struct err *err);

/* Once for each open. */
int host_name_set(const struct host_name_files *files, const char *name, struct err *err);

#endif
