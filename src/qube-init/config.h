/*
 * What the host says a qube is: name, kind, what it keeps, its user. Comes on the kernel's
 * command line (docs/guest-boot.md), and is trusted; checked all the same, because it ends up in
 * paths.
 */
#ifndef BULKHEAD_QUBE_INIT_CONFIG_H
#define BULKHEAD_QUBE_INIT_CONFIG_H

#include "base/err.h"
#include "base/text.h"

#define QUBE_USER_MAX 32

enum qube_kind {
	QUBE_KIND_APPVM,
	QUBE_KIND_NETVM,
	QUBE_KIND_PROXYVM,
	QUBE_KIND_TEMPLATEVM,
};

/* What outlives a stop of the qube (spec guest.md 4.1). */
enum qube_persistence {
	QUBE_PERSISTENCE_FULL,    /* everything: templates and standalones */
	QUBE_PERSISTENCE_RW_ONLY, /* the private volume */
	QUBE_PERSISTENCE_NONE,
};

struct qube_config {
	char name[QUBE_NAME_MAX + 1];
	char user[QUBE_USER_MAX + 1]; /* the default user, "user" if the host names none */
	enum qube_kind kind;
	enum qube_persistence persistence;
};

/* The words used in the names of marker files: "appvm", ...; "rw-only", .... */
const char *qube_kind_name(enum qube_kind kind);
const char *qube_persistence_name(enum qube_persistence persistence);

/* From the text of a kernel command line. 0, or -1 with the error: an unknown word is one. */
int qube_config_parse(const char *command_line, struct qube_config *ret_config, struct err *err);

/* From /proc/cmdline. */
int qube_config_read(struct qube_config *ret_config, struct err *err);

#endif
