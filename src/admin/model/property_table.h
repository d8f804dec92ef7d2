/*
 * One row of the table of properties, and what rows are made of. Private to the model.
 */
#ifndef BULKHEAD_ADMIN_MODEL_PROPERTY_TABLE_H
#define BULKHEAD_ADMIN_MODEL_PROPERTY_TABLE_H

#include "admin/model/change.h"
#include "admin/model/property.h"
#include "admin/model/qube.h"

enum property_flag {
	PROPERTY_READ_ONLY = 1 << 0,
	PROPERTY_WRITE_ONCE = 1 << 1, /* set at creation, never again */
	PROPERTY_NOT_CLONED = 1 << 2,
	PROPERTY_LATE = 1 << 3,     /* in the second group of lists */
	PROPERTY_INHERITS = 1 << 4, /* "T>": the template's value is the default */
	PROPERTY_REQUIRED = 1 << 5, /* none is no value of it */
	PROPERTY_POSITIVE = 1 << 6,
	PROPERTY_NOT_NEGATIVE = 1 << 7,
};

struct property {
	const char *name;
	enum property_id id;
	enum property_type type;
	unsigned int classes;           /* CLASS_BITs; 0: of the global object */
	unsigned int read_only_classes; /* where it can only be read */
	unsigned int flags;
	unsigned int referred_class; /* type vm: the one class allowed, as a CLASS_BIT; 0: any */

	/*
	 * The default: `compute` if given; else the template's value for PROPERTY_INHERITS; else
	 * the value of the global property `global_default` (0: none); else the constant.
	 */
	void (*compute)(const struct app *app, const struct qube *q, struct value *ret_value);
	enum property_id global_default;
	enum value_state preset;
	int64_t preset_number; /* for bool: 0 or 1 */
	const char *preset_text;

	/* Text: checks it, and may replace it by its normal form. 0 or -1 with the error. */
	int (*check_text)(
		const struct app *app, const struct qube *q, char **text, struct err *err);
	/* Any type: before the pre-event. Also made for the default at a Reset. */
	int (*check)(const struct app *app, const struct qube *q, const struct property *p,
		const struct value *value, struct err *err);
	/* After the pre-event: what the state of qubes forbids. `value`: the one to come. */
	int (*veto)(const struct app *app, const struct qube *q, const struct property *p,
		const struct value *value, struct err *err);
	/* At Reset only, before the pre-event. */
	int (*check_reset)(const struct app *app, const struct qube *q, const struct property *p,
		struct err *err);
	/* Side effects: steps between the change and its event. */
	void (*effect)(struct change *c, struct qube *q, const struct property *p,
		const struct value *old_value, const struct value *new_value, bool is_reset);

	const char *help;
};

extern const struct property property_table[PROPERTY_MAX];

/* Whether it has a slot, and which. */
bool property_has_slot(const struct property *p);
size_t property_slot(const struct property *p);
/* The values of the subject. */
const struct property_values *property_values_of(const struct app *app, const struct qube *q);
bool property_is_set(const struct app *app, const struct qube *q, const struct property *p);
bool property_applies(const struct property *p, const struct qube *q);
/* Takes over a text that is malloc'd; used when applying and loading. */
void property_values_put(struct property_values *values, const struct property *p,
	const struct value *value, char *text);
void property_values_clear(struct property_values *values, const struct property *p);
void property_values_finish(struct property_values *values, bool is_global);

/*
 * Text into a value by type alone: as it comes from a request or from the store. `text` stays
 * owned by the caller and must outlive the value. 0 or -1 with the error.
 */
int property_parse(struct app *app, const struct property *p, const char *text,
	struct value *ret_value, struct err *err);

/* Computed defaults: property_default.c. */
typedef void property_compute(const struct app *, const struct qube *, struct value *);
property_compute compute_admin_maxmem, compute_appvm_bootmode, compute_bootmode,
	compute_default_dispvm, compute_dns, compute_ephemeral, compute_gateway, compute_gateway6,
	compute_guivm_layout, compute_host_cpus, compute_host_memory, compute_icon,
	compute_include_in_backups, compute_ip, compute_ip6, compute_is_preload, compute_kernelopts,
	compute_klass, compute_maxmem, compute_name, compute_netvm, compute_pool, compute_qid,
	compute_dom0, compute_start_time, compute_updateable, compute_uuid, compute_visible_gateway,
	compute_visible_gateway6, compute_visible_ip, compute_visible_ip6, compute_visible_netmask,
	compute_xid;

/* Checks: property_check.c. */
typedef int property_check_text(
	const struct app *, const struct qube *, char **text, struct err *err);
property_check_text check_bootmode, check_devices_denied, check_ip, check_ip6, check_kernel,
	check_kernelopts, check_keyboard_layout, check_mac, check_pool, check_remote_name,
	check_service_name, check_user, check_virt_mode;
typedef int property_check(const struct app *, const struct qube *, const struct property *,
	const struct value *, struct err *);
property_check check_default_dispvm, check_default_netvm, check_netvm, check_disposable_template,
	check_template, veto_change_template, veto_in_use_as_dispvm, veto_in_use_as_netvm,
	veto_maxmem_while_running;
typedef int property_check_reset(
	const struct app *, const struct qube *, const struct property *, struct err *);
property_check_reset check_label_reset, check_template_reset;

/* Side effects: property_effect.c. */
typedef void property_effect(struct change *, struct qube *, const struct property *,
	const struct value *old_value, const struct value *new_value, bool is_reset);
property_effect effect_clockvm, effect_default_dispvm, effect_default_netvm,
	effect_default_role_qube, effect_icon, effect_netvm, effect_provides_network,
	effect_role_qube;

#endif
