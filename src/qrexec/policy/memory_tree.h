/*
 * Policy text in memory, behind the loader interface: for tests, fuzzers, and for trying a
 * change before it is made. Paths are compared as texts; "a/b" is file "b" of directory "a".
 */
#ifndef BULKHEAD_QREXEC_POLICY_MEMORY_TREE_H
#define BULKHEAD_QREXEC_POLICY_MEMORY_TREE_H

#include "qrexec/policy/loader.h"

struct memory_tree_file {
	enum policy_directory base;
	const char *path;
	const char *bytes;
	size_t size;
};

/* The three base directories exist; everything is borrowed. */
struct memory_tree {
	const struct memory_tree_file *files;
	size_t count;
};

struct policy_loader memory_tree_loader(const struct memory_tree *tree);

#endif
