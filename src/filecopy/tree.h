/*
 * What both ends do with trees of files: opening one step down, removing, and summing up, so that
 * a later look tells whether anything changed. No link is ever followed. Errors are errno values.
 */
#ifndef BULKHEAD_FILECOPY_TREE_H
#define BULKHEAD_FILECOPY_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deepest tree that is received, sent, summed up or removed; bounds descriptors and stack. */
#define TREE_DEPTH_MAX 1000

/* The sum over a tree: which objects it has (by path, kind, inode), and the files' state. */
struct tree_sum {
	uint64_t hash;
	uint64_t count; /* objects, the top one included */
	uint64_t bytes; /* of regular files */
};

/*
 * Opens the entry of a directory: one component, no link, not across a mount. A descriptor, or a
 * negative errno; -ENOTDIR also for a link.
 */
int tree_open_directory(int parent, const char *name);

/* Like it, for a path of many components below the directory. */
int tree_open_below(int directory, const char *path);

/* 0, or a negative errno. */
int tree_summarize(int parent, const char *name, struct tree_sum *ret_sum);

bool tree_same_sum(const struct tree_sum *a, const struct tree_sum *b);

/* Removes a tree, also one whose directories forbid it; a missing one is no error. */
int tree_remove(int parent, const char *name);

/* The same for a path, up to whose last component links are followed. */
int tree_summarize_path(const char *path, struct tree_sum *ret_sum);
int tree_remove_path(const char *path);

/* Lets the process open as many descriptors as it may: deep trees need two a level. */
void tree_raise_limits(void);

#endif
