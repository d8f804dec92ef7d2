/*
 * The qubes that the daemon knows, with the properties a tool asks for, in one round trip; and
 * the choice among them that a command line makes (spec cli.md section 2).
 */
#ifndef BULKHEAD_TOOLS_LIB_QUBES_H
#define BULKHEAD_TOOLS_LIB_QUBES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "tools/lib/options.h"

struct qube {
	char *name; /* owned, like all texts here */
	char *class;
	char *state;
	char *uuid;
	char **values; /* one for each property asked for; NULL where the qube has none */
	bool chosen;   /* by qubes_choose() */
};

struct qube_list {
	struct qube *items; /* sorted by name */
	size_t count;
	size_t property_count;
};

/*
 * Lists all qubes with the named properties: by bulkhead.vm.Overview, or where the daemon does
 * not know that, by admin.vm.List and a GetAll for each. 0 or -1 with the error.
 */
int qubes_load(struct qube_list *ret_list, const char *const *properties, size_t property_count,
	struct err *err);
void qubes_finish(struct qube_list *list);

#define AUTO_QUBES __attribute__((cleanup(qubes_finish)))

/* NULL when there is none of this name. */
struct qube *qubes_find(const struct qube_list *list, const char *name);

/* "NAME class=CLASS state=STATE uuid=UUID [KEY=VALUE ...]" lines. 0 or -1 with the error. */
int qubes_parse(const char *text, const char *const *properties, size_t property_count,
	struct qube_list *ret_list, struct err *err);

bool qube_is_halted(const struct qube *q);
bool qube_is_admin(const struct qube *q);

/* The options --all and --exclude, and what they gather. */
struct qube_choice {
	bool all;
	struct option_list exclude;
};

void qube_choice_finish(struct qube_choice *choice);
#define AUTO_CHOICE __attribute__((cleanup(qube_choice_finish)))

#define QUBE_CHOICE_ROWS(choice)                                                                   \
	{"VMNAME", .help = "names of qubes; may be patterns with *, ? and [..]"},                  \
		{"--all", .flag = &(choice).all, .help = "all qubes but dom0"},                    \
	{                                                                                          \
		"--exclude", .list = &(choice).exclude, .value = "VMNAME",                         \
			     .help = "leave this qube out of --all; may be given several times"    \
	}

/*
 * Marks the qubes that names, patterns, --all and --exclude mean. 0 with the number chosen, or
 * -1 with a text for a usage error.
 */
int qubes_choose(struct qube_list *list, const char *const *names, size_t name_count,
	const struct qube_choice *choice, struct err *err);

/*
 * What a command on several qubes begins with: options, then the list, then the choice; at least
 * one qube must be named. True: go on. False: end with *ret_status.
 */
bool qubes_accept(struct options *o, const struct qube_choice *choice,
	const char *const *properties, size_t property_count, struct qube_list *ret_list,
	int *ret_status);

/* The exit status for a call that failed: usage for an unknown name, else runtime. */
int qube_call_failed(const struct options *o, const char *name, const struct err *err);

#endif
