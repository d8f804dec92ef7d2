/*
 * What qvm-ls shows of qubes: asked for in as few round trips as the columns and filters need.
 * For the usual columns that is one.
 */
#ifndef BULKHEAD_TOOLS_QVM_LS_DATA_H
#define BULKHEAD_TOOLS_QVM_LS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tools/lib/options.h"
#include "tools/lib/qubes.h"
#include "tools/lib/volumes.h"

/* A growing set of names; texts are owned. */
struct name_set {
	char **items;
	size_t count;
};

size_t name_set_add(struct name_set *set, const char *name); /* gives its index */
bool name_set_find(const struct name_set *set, const char *name, size_t *ret_index);
void name_set_finish(struct name_set *set);

struct ls_data {
	/* What is needed; filled before ls_data_load(). */
	struct name_set properties, features;
	bool need_tags, need_memory, need_volumes;

	/* What was found. Arrays run parallel to qubes.items. */
	struct qube_list qubes;
	char **feature_values; /* qubes x features; NULL: not set */
	char **tags;           /* lines */
	uint64_t *memory_kib;
	struct volume_list volumes;
};

/* Loads the list with its properties: the one round trip. 0 or -1 with the error. */
int ls_data_load(struct ls_data *d, struct err *err);
/* Loads the rest for the chosen qubes. 0 or -1 with the error. */
int ls_data_load_details(struct ls_data *d, struct err *err);
void ls_data_finish(struct ls_data *d);

/* Values of the qube at this index; NULL when it has none, or none was asked for. */
const char *ls_data_property(const struct ls_data *d, size_t qube, const char *name);
const char *ls_data_feature(const struct ls_data *d, size_t qube, const char *name);
bool ls_data_has_tag(const struct ls_data *d, size_t qube, const char *tag);
/* The info lines of a volume, or NULL. */
const char *ls_data_volume(const struct ls_data *d, size_t qube, const char *volume);

#endif
