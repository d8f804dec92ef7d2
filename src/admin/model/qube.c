/* Words for classes and states, and the short questions about one qube; see qube.h. */
#include "admin/model/qube.h"

#include <assert.h>
#include <errno.h>

#include "admin/model/app.h"

static const char *const class_names[QUBE_CLASS_MAX] = {
	[CLASS_ADMIN] = "AdminVM",
	[CLASS_APP] = "AppVM",
	[CLASS_DISP] = "DispVM",
	[CLASS_REMOTE] = "RemoteVM",
	[CLASS_STANDALONE] = "StandaloneVM",
	[CLASS_TEMPLATE] = "TemplateVM",
};

static const char *const power_names[POWER_STATE_MAX] = {
	[POWER_HALTED] = "Halted",
	[POWER_TRANSIENT] = "Transient",
	[POWER_RUNNING] = "Running",
	[POWER_PAUSED] = "Paused",
	[POWER_SUSPENDED] = "Suspended",
	[POWER_HALTING] = "Halting",
	[POWER_DYING] = "Dying",
	[POWER_CRASHED] = "Crashed",
	[POWER_NA] = "NA",
};

const char *qube_class_name(enum qube_class class)
{
	return class_names[class];
}

int
qube_class_parse(const char *name, enum qube_class *ret_class)
{
	for (unsigned int i = 0; i < QUBE_CLASS_MAX; i++) {
		if (text_equal(class_names[i], name)) {
			*ret_class = (enum qube_class)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool qube_class_has_template(enum qube_class class)
{
	return class == CLASS_APP || class == CLASS_DISP;
}

bool qube_class_has_machine(enum qube_class class)
{
	return class != CLASS_ADMIN && class != CLASS_REMOTE;
}

const char *
power_state_name(enum power_state state)
{
	return power_names[state];
}

void
qube_power_reset(struct qube_power *power, enum qube_class class)
{
	*power = (struct qube_power){
		.state = qube_class_has_machine(class) ? POWER_HALTED : POWER_RUNNING,
		.xid = class == CLASS_ADMIN ? 0 : -1,
	};
}

void
qube_set_power_state(struct qube *q, enum power_state state)
{
	q->power.state = state;
	q->app->generation++;
}

void
qube_pin(struct qube *q)
{
	q->pins++;
}

void
qube_unpin(struct qube *q)
{
	assert(q->pins > 0);
	q->pins--;
}

struct qube *
qube_template(const struct qube *q)
{
	return qube_class_has_template(q->class) ? q->values.slots[PROPERTY_TEMPLATE].qube : NULL;
}

struct qube *
qube_netvm(const struct qube *q)
{
	return qube_class_has_machine(q->class) ? qube_reference(q, PROPERTY_NETVM) : NULL;
}
