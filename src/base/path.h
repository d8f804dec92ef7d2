/*
 * Where files are. Every absolute path that a program of ours opens goes through root_path():
 * the variable BULKHEAD_ROOT, when set to an absolute directory, is put in front of it, so that
 * private instances run side by side.
 */
#ifndef BULKHEAD_BASE_PATH_H
#define BULKHEAD_BASE_PATH_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* The group on the host whose members may use qubes. */
#define HOST_GROUP "qubes"

/* BULKHEAD_ROOT without trailing slashes, or "". Never NULL. */
const char *root_prefix(void);

/* The prefixed path, built with printf; the caller frees it. Ends the process without memory. */
char *root_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Joins with one slash; the caller frees it. Ends the process without memory. */
char *path_join(const char *directory, const char *name);

/* Like mkdir -p; existing directories keep their mode. 0 or -1 with the error. */
int make_directories(const char *path, mode_t mode, struct err *err);

/* Removes a tree without following links; a missing path is no error. 0 or -1 with the error. */
int remove_tree(const char *path, struct err *err);

/* Reads a whole file of at most max_bytes; NUL-terminated; the caller frees it. */
int read_file(
	const char *path, size_t max_bytes, char **ret_text, size_t *ret_size, struct err *err);

/* Replaces a file by a temporary file and rename(), with fsync of both. */
int write_file(const char *path, const void *data, size_t size, mode_t mode, struct err *err);

#endif
