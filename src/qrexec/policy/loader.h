/*
 * Where policy text comes from: the compiler asks for directories and files through this
 * interface and does no I/O of its own. Implementations: memory_tree.h (tests, fuzzers, checks
 * of a change before it is made) and files.h (the real directories).
 */
#ifndef BULKHEAD_QREXEC_POLICY_LOADER_H
#define BULKHEAD_QREXEC_POLICY_LOADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The three base directories (spec qrexec.md 5.1), in the order of precedence. */
enum policy_directory {
	POLICY_RUNTIME, /* /run/qubes/policy.d */
	POLICY_SYSTEM,  /* /etc/qubes/policy.d */
	POLICY_LEGACY,  /* /etc/qubes-rpc/policy */
};
#define POLICY_DIRECTORIES 3

/* The names of the regular files of a directory (links followed), in any order. */
struct policy_names {
	char **names;
	size_t count;
};

void policy_names_add(struct policy_names *n, const char *name);
void policy_names_finish(struct policy_names *n);
/* By character code, as rules are ordered. */
void policy_names_sort(struct policy_names *n);

struct policy_text {
	char *label; /* how messages and answers call the file; owned */
	char *bytes; /* owned; one more byte than `size` is writable */
	size_t size;
};

void policy_text_finish(struct policy_text *t);

/*
 * `path` is relative to the base directory or absolute, as written in an include; "" is the base
 * directory itself. Both return 0, or -1 with the error, whose code is ENOENT or ENOTDIR when
 * there is no such file or directory (of that kind).
 */
struct policy_loader {
	void *data;
	int (*list)(void *data, enum policy_directory base, const char *path,
		struct policy_names *ret, struct err *err);
	/* `included`: the label is to be the file's own place, after following links. */
	int (*read)(void *data, enum policy_directory base, const char *path, bool included,
		struct policy_text *ret, struct err *err);
};

#endif
