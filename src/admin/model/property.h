/*
 * Properties of qubes and of the global object (spec admin-api.md section 4). Each is one row of
 * a table: its type, whom it applies to, its default, its check and its side effects. Reading is
 * here; changes go through change.h.
 */
#ifndef BULKHEAD_ADMIN_MODEL_PROPERTY_H
#define BULKHEAD_ADMIN_MODEL_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct app;
struct change;
struct label;
struct qube;

enum property_type {
	TYPE_STR,
	TYPE_INT,
	TYPE_BOOL,
	TYPE_VM,
	TYPE_LABEL,
};

/* Those with a slot (stored when set) come first in each of the two groups. */
enum property_id {
	PROPERTY_AUTOSTART,
	PROPERTY_AUDIOVM,
	PROPERTY_AUTO_CLEANUP,
	PROPERTY_APPVM_DEFAULT_BOOTMODE,
	PROPERTY_BACKUP_TIMESTAMP,
	PROPERTY_BOOTMODE,
	PROPERTY_DEBUG,
	PROPERTY_DEFAULT_DISPVM,
	PROPERTY_DEFAULT_USER,
	PROPERTY_DEVICES_DENIED,
	PROPERTY_DISPID,
	PROPERTY_EPHEMERAL,
	PROPERTY_GUIVM,
	PROPERTY_INCLUDE_IN_BACKUPS,
	PROPERTY_INSTALLED_BY_RPM,
	PROPERTY_IP,
	PROPERTY_IP6,
	PROPERTY_KERNEL,
	PROPERTY_KERNELOPTS,
	PROPERTY_KEYBOARD_LAYOUT,
	PROPERTY_LABEL,
	PROPERTY_MAC,
	PROPERTY_MANAGEMENT_DISPVM,
	PROPERTY_MAXMEM,
	PROPERTY_MEMORY,
	PROPERTY_NETVM,
	PROPERTY_PROVIDES_NETWORK,
	PROPERTY_QREXEC_TIMEOUT,
	PROPERTY_RELAYVM,
	PROPERTY_REMOTE_NAME,
	PROPERTY_SHUTDOWN_TIMEOUT,
	PROPERTY_STUBDOM_MEM,
	PROPERTY_TEMPLATE,
	PROPERTY_TEMPLATE_FOR_DISPVMS,
	PROPERTY_TRANSPORT_RPC,
	PROPERTY_VCPUS,
	PROPERTY_VIRT_MODE,
	PROPERTY_QUBE_SLOTS, /* not a property: the number of those above */

	/* Computed, read only. */
	PROPERTY_DNS = PROPERTY_QUBE_SLOTS,
	PROPERTY_GATEWAY,
	PROPERTY_GATEWAY6,
	PROPERTY_ICON,
	PROPERTY_IS_PRELOAD,
	PROPERTY_KLASS,
	PROPERTY_NAME,
	PROPERTY_QID,
	PROPERTY_START_TIME,
	PROPERTY_STUBDOM_UUID,
	PROPERTY_STUBDOM_XID,
	PROPERTY_UPDATEABLE,
	PROPERTY_UUID,
	PROPERTY_VISIBLE_GATEWAY,
	PROPERTY_VISIBLE_GATEWAY6,
	PROPERTY_VISIBLE_IP,
	PROPERTY_VISIBLE_IP6,
	PROPERTY_VISIBLE_NETMASK,
	PROPERTY_XID,

	/* Of the global object. */
	GLOBAL_CHECK_UPDATES_VM,
	GLOBAL_CLOCKVM,
	GLOBAL_DEFAULT_AUDIOVM,
	GLOBAL_DEFAULT_DISPVM,
	GLOBAL_DEFAULT_GUIVM,
	GLOBAL_DEFAULT_KERNEL,
	GLOBAL_DEFAULT_NETVM,
	GLOBAL_DEFAULT_POOL,
	GLOBAL_DEFAULT_POOL_KERNEL,
	GLOBAL_DEFAULT_POOL_PRIVATE,
	GLOBAL_DEFAULT_POOL_ROOT,
	GLOBAL_DEFAULT_POOL_VOLATILE,
	GLOBAL_DEFAULT_QREXEC_TIMEOUT,
	GLOBAL_DEFAULT_SHUTDOWN_TIMEOUT,
	GLOBAL_DEFAULT_TEMPLATE,
	GLOBAL_MANAGEMENT_DISPVM,
	GLOBAL_STATS_INTERVAL,
	GLOBAL_UPDATEVM,

	/* Computed, read only. */
	GLOBAL_MAXMEM,
	GLOBAL_NO_CPUS,

	PROPERTY_MAX,
};

#define PROPERTY_FIRST_GLOBAL GLOBAL_CHECK_UPDATES_VM
/* Slots that a qube or the global object has; the larger of the two. */
#define PROPERTY_SLOTS PROPERTY_QUBE_SLOTS

enum value_state {
	VALUE_ABSENT, /* not set and no default */
	VALUE_NONE,
	VALUE_PRESENT,
};

/*
 * A property's value as read. Text points to what stores it, or into `buffer`: so pass a value
 * by address, and use it before the next change of the model.
 */
struct value {
	enum value_state state;
	union {
		int64_t number;
		bool flag;
		const char *text;
		struct qube *qube; /* NULL when none */
		struct label *label;
	};
	char buffer[96];
};

/* What is stored: the values that are set. */
union property_slot {
	int64_t number;
	bool flag;
	char *text; /* owned */
	struct qube *qube;
	struct label *label;
};

struct property_values {
	uint64_t set; /* bit n: slot n is set */
	union property_slot slots[PROPERTY_SLOTS];
};

struct property;

/* The subject is a qube, or with q == NULL the global object. */

/* The subject's property of that name; NULL with QubesNoSuchPropertyError. */
const struct property *property_find(
	const struct app *app, const struct qube *q, const char *name, struct err *err);
const struct property *property_by_id(enum property_id id);
/* All of the subject's, in the order of lists. The array lives as long as the program. */
const struct property *const *property_list(const struct qube *q, size_t *ret_count);

const char *property_name(const struct property *p);
enum property_id property_id(const struct property *p);
enum property_type property_type(const struct property *p);
const char *property_type_name(const struct property *p);
const char *property_help(const struct property *p);
/* Whether a clone or a disposable takes the value over. */
bool property_is_cloned(const struct property *p);

/* The value in force; returns whether it is the default. */
bool property_get(const struct app *app, const struct qube *q, const struct property *p,
	struct value *ret_value);
/* What Reset would bring. */
void property_get_default(const struct app *app, const struct qube *q, const struct property *p,
	struct value *ret_value);

/* Appends the value as the Admin API writes it: nothing for absent and none. 0 or -errno. */
int property_format(const struct property *p, const struct value *value, struct buf *out);
/* The same as fresh text, with "None" for none, for events; NULL for absent. */
char *property_text(const struct property *p, const struct value *value);

/*
 * Short forms for code that knows the property and that it applies: absent and none read as 0,
 * false, "" and NULL. The text is copied; the caller frees it.
 */
int64_t qube_number(const struct qube *q, enum property_id id);
bool qube_flag(const struct qube *q, enum property_id id);
char *qube_text(const struct qube *q, enum property_id id);
struct qube *qube_reference(const struct qube *q, enum property_id id);
struct label *qube_label(const struct qube *q);

/*
 * Set and Reset as the Admin API does them (4.6): events, checks, side effects, all stored in one
 * transaction. `untrusted_value` is the request's payload. 0 or -1 with the error.
 */
int property_set(struct app *app, struct qube *q, const struct property *p,
	const void *untrusted_value, size_t size, struct err *err);
int property_reset(struct app *app, struct qube *q, const struct property *p, struct err *err);

#endif
