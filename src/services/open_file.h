/*
 * The service qubes.OpenInVM: a name of 256 bytes, then a file; the answer is empty, or the whole
 * file as it was edited.
 */
#ifndef BULKHEAD_SERVICES_OPEN_FILE_H
#define BULKHEAD_SERVICES_OPEN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define OPEN_FILE_NAME_BYTES 256
#define OPEN_FILE_VIEW_ONLY "view-only-"

/* The program that opens a file or address and ends when the person has closed it. */
#define OPEN_FILE_VIEWER "open-with-viewer"
/* Beside the others of ours; BULKHEAD_VIEWER names another, for the user's own and for tests. */
const char *open_file_viewer(void);

struct open_file_name {
	bool view_only;
	char name[OPEN_FILE_NAME_BYTES]; /* harmless: [0-9A-Za-z._+@-], not empty, "." or ".." */
};

/* What the caller sends: zeros after the name, nothing of our memory. -ENAMETOOLONG if too long. */
int open_file_encode_name(const char *name, bool view_only, char ret_bytes[OPEN_FILE_NAME_BYTES]);

/* What the receiver makes of it: 0, or -EBADMSG for a name that is none or has a slash. */
int open_file_decode_name(
	const char untrusted_bytes[OPEN_FILE_NAME_BYTES], struct open_file_name *ret_name);

/* All that comes from one descriptor goes to another. The count, or a negative errno. */
long long open_file_copy(int from, int to);

/*
 * Sends a file to a target by qrexec-client-vm and, unless view_only, replaces it by the answer if
 * there is one and the call ended well. The call's exit status, or -1 with the error.
 */
int open_file_call(const char *target, const char *path, bool view_only, struct err *err);

#endif
