/*
 * How many disposables are to be kept ready, and when (spec admin-api.md section 17). What dom0's
 * features say goes for the default disposable template, and before its own.
 */
#include <errno.h>
#include <stdlib.h>

#include "admin/api/preload_private.h"
#include "admin/model/app.h"
#include "admin/model/change.h"
#include "base/cleanup.h"
#include "base/text.h"

/* More at a time are a mistake. */
#define WANTED_MAX 100
#define DELAY_DEFAULT_S 3.0
#define DELAY_MAX_S 86400.0
/* A host with less has other uses for it. */
#define DEFAULT_HOST_MEMORY_MIB (UINT64_C(15) * 1024)

static bool
is_default_template(const struct app *app, const struct qube *template)
{
	struct value value = {0};

	(void)property_get(app, NULL, property_by_id(GLOBAL_DEFAULT_DISPVM), &value);
	return value.state == VALUE_PRESENT && value.qube == template;
}

/* Whose features are in force. */
static const struct qube *
ruler(const struct app *app, const struct qube *template)
{
	const struct qube *dom0 = app_dom0(app);

	return is_default_template(app, template) && qube_feature_is_on(dom0, PRELOAD_MAX_FEATURE)
		       ? dom0
		       : template;
}

static uint64_t
number(const struct qube *q, const char *feature, uint64_t max)
{
	const char *text = qube_feature(q, feature);
	uint64_t value;
	int result = text != NULL ? text_parse_u64(text, max, &value) : -1;

	return result == 0 ? value : result == -ERANGE ? max : 0;
}

unsigned int
preload_wanted(const struct app *app, const struct qube *template)
{
	if (template->class != CLASS_APP || !qube_flag(template, PROPERTY_TEMPLATE_FOR_DISPVMS) ||
		qube_feature_lookup(template, "qrexec", FEATURE_WITH_TEMPLATE) == NULL)
		return 0;
	return (unsigned int)number(ruler(app, template), PRELOAD_MAX_FEATURE, WANTED_MAX);
}

int64_t
preload_delay_ms(const struct app *app, const struct qube *template)
{
	const char *text = qube_feature(ruler(app, template), PRELOAD_DELAY_FEATURE);
	double seconds = text != NULL && text[0] != '\0' ? strtod(text, NULL) : DELAY_DEFAULT_S;

	if (seconds < 0)
		return -1;
	return (int64_t)((seconds < DELAY_MAX_S ? seconds : DELAY_MAX_S) * 1000);
}

uint64_t
preload_threshold_mib(const struct app *app)
{
	return number(app_dom0(app), PRELOAD_THRESHOLD_FEATURE, UINT32_MAX);
}

int
preloads_set_default(struct app *app, struct err *err)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(app);

	if (app->host_memory_mib <= DEFAULT_HOST_MEMORY_MIB)
		return 0;
	change_feature_set(&c, app_dom0(app), PRELOAD_MAX_FEATURE, "1");
	return change_commit(&c, err);
}
