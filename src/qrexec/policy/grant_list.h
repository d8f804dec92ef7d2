/*
 * Files of grants: rules, each below a comment that says when it was given and for how long. The
 * policy engine reads the rules (policy.h, POLICY_GRANTS_SYSTEM_FILE), the daemon that gives and
 * ends grants and the tool that lists and revokes them read both.
 *
 *     # grant ID given=TIME for=TERM [ends=SECONDS until=TIME] [stops=QUBE] from=QUBE asked=TARGET
 * to=TARGET SERVICE +ARGUMENT SOURCE TARGET allow target=CHOICE
 */
#ifndef BULKHEAD_QREXEC_POLICY_GRANT_LIST_H
#define BULKHEAD_QREXEC_POLICY_GRANT_LIST_H

#include <time.h>

#include "base/list.h"
#include "qrexec/policy/policy.h"

#define GRANT_ID_LENGTH 8
#define GRANT_RULE_MAX 4096
#define GRANT_FILE_MAX_BYTES (1u << 20)
#define GRANT_MAX_COUNT 500
#define GRANT_HOUR_S 3600
#define GRANT_TIME_SIZE sizeof("2000-01-01T00:00:00Z")

/* How long an answer holds. */
enum grant_term {
	GRANT_ONCE, /* never written */
	GRANT_HOUR,
	GRANT_STOP, /* until the calling qube stops */
	GRANT_ALWAYS,
	GRANT_TERMS,
};

/* "once", "hour", "stop", "always": in files and between the daemon and its prompt. */
const char *grant_term_name(enum grant_term term);
/* 0 or -EINVAL. */
int grant_term_parse(const char *text, enum grant_term *ret);

struct grant {
	struct list link; /* grant_list.grants */
	char id[GRANT_ID_LENGTH + 1];
	enum grant_term term;
	char *note;                           /* the fields of the comment, as text */
	char *rule;                           /* as in the file */
	uint64_t ends_s;                      /* of an hour, by CLOCK_BOOTTIME */
	char stops[POLICY_QUBE_NAME_MAX + 1]; /* until a stop: of this qube */
};

struct grant_list {
	struct list grants; /* grant.link */
	size_t count;
	size_t left_out; /* that were in the file and make no sense */
};

void grant_list_init(struct grant_list *l);
void grant_list_finish(struct grant_list *l);

#define AUTO_GRANTS __attribute__((cleanup(grant_list_finish)))

/*
 * A grant for a call that the user was asked about and allowed: `d` is the decision after the
 * answer. NULL with the error when no rule can say exactly that.
 */
struct grant *grant_create(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, enum grant_term term, struct err *err);
void grant_destroy(struct grant *g);

/* Takes the grant over; one of the same rule is replaced. 0, or -1 with the error when it is full
 * (the grant is then destroyed). */
int grant_list_add(struct grant_list *l, struct grant *g, struct err *err);
void grant_list_remove(struct grant_list *l, struct grant *g);

/*
 * Reads a file; one that is not there holds nothing. A rule whose comment is missing or can not
 * be read is one without end where `endless`, else it is left out. 0 or -1 with the error.
 */
int grant_list_read(struct grant_list *l, const char *path, bool endless, struct err *err);
/* Replaces the file, or removes it when nothing is left. 0 or -1 with the error. */
int grant_list_write(const struct grant_list *l, const char *path, struct err *err);

/* The value of KEY= in a grant's note, or "" when it has none. The caller frees it. */
char *grant_field(const struct grant *g, const char *key);

/* Seconds since the start of the machine, its sleep included. */
uint64_t grant_clock_s(void);

/*
 * The lock for whoever changes a file of grants; released by closing the descriptor. Does not
 * wait: -1 with the error (EWOULDBLOCK) while another holds it. `directory` is the runtime one.
 */
int grant_lock(const char *directory, struct err *err);

#endif
