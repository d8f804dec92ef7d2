/* One file that the policy's services act on, and the directory it is in. Internal to admin.c. */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_ADMIN_FILE_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_ADMIN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct admin_file {
	int directory_fd;
	char *directory; /* real path */
	char *name;      /* in the directory, with ".policy" where that belongs */
};

#define ADMIN_FILE_INIT                                                                            \
	{                                                                                          \
		.directory_fd = -1                                                                 \
	}

/*
 * The file that a name from a caller means; it need not exist. `include`: in the directory
 * "include" of the policy directory. 0 or -1 with the error.
 */
int admin_file_open(const char *policy_directory, bool include, const char *untrusted_name,
	struct admin_file *ret, struct err *err);
void admin_file_finish(struct admin_file *f);

/* The content, NUL-terminated, which the caller frees. 0 or -1 with the error. */
int admin_file_read(
	const struct admin_file *f, char **ret_bytes, size_t *ret_size, struct err *err);
/* Whole or not at all, and on the disk when it returns. */
int admin_file_write(const struct admin_file *f, const char *bytes, size_t size, struct err *err);
int admin_file_remove(const struct admin_file *f, struct err *err);

#define AUTO_ADMIN_FILE __attribute__((cleanup(admin_file_finish)))

#endif
