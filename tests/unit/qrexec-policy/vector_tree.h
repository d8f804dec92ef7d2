/* Lays the policy files of a test vector out on disk, as a loader and its directories. */
#ifndef BULKHEAD_TESTS_POLICY_VECTOR_TREE_H
#define BULKHEAD_TESTS_POLICY_VECTOR_TREE_H

#include <jansson.h>

#include "qrexec/policy/files.h"

struct vector_tree {
	char *root; /* a private directory */
	struct policy_directories directories;
};

/* `policy` maps paths to contents (spec qrexec.md section 8). 0 or -1 with the error. */
int vector_tree_create(json_t *policy, struct vector_tree *ret, struct err *err);
void vector_tree_destroy(struct vector_tree *tree);

#endif
