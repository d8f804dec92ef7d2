/*
 * What bulkhead-doctor finds: one line a topic, with a verdict, and for what is not as it should
 * be, what to do. The checks look at the machine and change nothing.
 */
#ifndef BULKHEAD_TOOLS_DOCTOR_FINDINGS_H
#define BULKHEAD_TOOLS_DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE,    /* qubes run all the same, but slower or with less */
	VERDICT_MISSING, /* no qube can run */
};

struct finding {
	const char *topic; /* constant */
	enum verdict verdict;
	char *found;  /* owned */
	char *advice; /* owned; NULL when there is nothing to do */
};

struct findings {
	struct finding *items; /* owned */
	size_t count;
};

/* Adds a line. `advice` may be NULL; both texts become the findings'. */
void findings_add(
	struct findings *f, const char *topic, enum verdict verdict, char *found, char *advice);
void findings_finish(struct findings *f);

/* Whether nothing that a qube needs is missing. */
bool findings_can_run(const struct findings *f);

void findings_print(const struct findings *f);
void findings_print_json(const struct findings *f);

/* The checks, by what they look at. */
void check_processor(struct findings *f);
void check_virtualisation(struct findings *f);
void check_memory(struct findings *f);
void check_kernel(struct findings *f);
void check_storage(struct findings *f);
void check_programs(struct findings *f);
void check_display(struct findings *f);
void check_installation(struct findings *f);

#endif
