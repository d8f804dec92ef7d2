/*
 * A qube as the host knows it: what is stored (class, names, properties, features, tags) and
 * what is so now (its power). Made and destroyed through app.h only.
 */
#ifndef BULKHEAD_ADMIN_MODEL_QUBE_H
#define BULKHEAD_ADMIN_MODEL_QUBE_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/model/feature.h"
#include "admin/model/property.h"
#include "admin/model/tag.h"
#include "base/text.h"

struct app;

/* In the order of their names, which admin.vmclass.List shows. */
enum qube_class {
	CLASS_ADMIN,
	CLASS_APP,
	CLASS_DISP,
	CLASS_REMOTE,
	CLASS_STANDALONE,
	CLASS_TEMPLATE,
	QUBE_CLASS_MAX,
};

#define CLASS_BIT(class) (1U << (class))

/* "AppVM" and so on. qube_class_parse(): 0 or -EINVAL. */
const char *qube_class_name(enum qube_class class);
int qube_class_parse(const char *name, enum qube_class *ret_class);

/* Classes that have a template property: AppVM and DispVM. */
bool qube_class_has_template(enum qube_class class);
/* Classes that have volumes and can be started. */
bool qube_class_has_machine(enum qube_class class);

/* Spec admin-api.md section 7. */
enum power_state {
	POWER_HALTED,
	POWER_TRANSIENT,
	POWER_RUNNING,
	POWER_PAUSED,
	POWER_SUSPENDED,
	POWER_HALTING,
	POWER_DYING,
	POWER_CRASHED,
	POWER_NA,
	POWER_STATE_MAX,
};

const char *power_state_name(enum power_state state);

/* What is so now; kept by the lifecycle, not stored by the model. */
struct qube_power {
	enum power_state state;
	int64_t xid;            /* the domain number, -1 when off */
	uint64_t start_time_us; /* since the epoch, 0 when off */
	uint64_t memory_kib;    /* given to the machine, 0 when off */
};

/* Off: Halted, no domain number. dom0 and RemoteVMs are always Running. */
void qube_power_reset(struct qube_power *power, enum qube_class class);

#define QID_MAX 9999
#define DISPID_MAX 9999

struct qube {
	struct app *app;
	enum qube_class class;
	int qid;
	char name[QUBE_NAME_MAX + 1];
	char uuid[UUID_LENGTH + 1];
	struct property_values values;
	struct feature_set features;
	struct tag_set tags;
	struct qube_power power;
	unsigned int pins; /* operations that need the qube to stay; see qube_pin() */
};

/* While pinned a qube is not removed: for what is under way and still holds the pointer. */
void qube_pin(struct qube *q);
void qube_unpin(struct qube *q);

static inline bool
qube_is_dom0(const struct qube *q)
{
	return q->class == CLASS_ADMIN;
}

static inline bool
qube_is_halted(const struct qube *q)
{
	return q->power.state == POWER_HALTED;
}

/* The qube whose template this one uses, or NULL. For a DispVM that is its disposable template. */
struct qube *qube_template(const struct qube *q);
/* The netvm in force, or NULL. */
struct qube *qube_netvm(const struct qube *q);

#endif
