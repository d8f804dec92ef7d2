/* Labels (spec admin-api.md section 3): a name, an index, a colour. */
#ifndef BULKHEAD_ADMIN_MODEL_LABEL_H
#define BULKHEAD_ADMIN_MODEL_LABEL_H

#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct app;

/* Our limit; the spec names none. */
#define LABEL_NAME_MAX 63
/* The eight that are always there. */
#define LABEL_BUILTIN_COUNT 8

struct label {
	struct list link; /* app.labels */
	int index;
	uint32_t color; /* 0xRRGGBB */
	char name[LABEL_NAME_MAX + 1];
};

/* By name, decimal index or "label-INDEX". NULL when there is none. */
struct label *label_find(const struct app *app, const char *text);
/* The same, with QubesLabelNotFoundError. */
struct label *label_lookup(const struct app *app, const char *untrusted_text, struct err *err);

/* Stored before they return. `untrusted_color` is "0xRRGGBB". 0 or -1 with the error. */
int label_create(
	struct app *app, const char *untrusted_name, const char *untrusted_color, struct err *err);
int label_remove(struct app *app, const char *untrusted_text, struct err *err);

/* At loading: into the list, at its place. */
struct label *label_insert(struct app *app, int index, const char *name, uint32_t color);
void labels_finish(struct app *app);

#endif
