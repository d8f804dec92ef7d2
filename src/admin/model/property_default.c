/*
 * Defaults that are computed (spec admin-api.md sections 2 and 4.4): each fills a value from the
 * qube and what it inherits. They read the model and change nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/model/address.h"
#include "admin/model/app.h"
#include "admin/model/kernels.h"
#include "admin/model/property_table.h"

#define MAXMEM_OTHER_SYSTEMS_MIB 4000
#define MAXMEM_LINUX_FACTOR 10
#define KERNELOPTS_FALLBACK "swiotlb=2048"

static void
set_text(struct value *v, const char *text)
{
	v->state = VALUE_PRESENT;
	v->text = text;
}

static void
set_number(struct value *v, int64_t number)
{
	v->state = VALUE_PRESENT;
	v->number = number;
}

static void
set_flag(struct value *v, bool flag)
{
	v->state = VALUE_PRESENT;
	v->flag = flag;
}

static void
set_qube(struct value *v, struct qube *q)
{
	v->state = q != NULL ? VALUE_PRESENT : VALUE_NONE;
	v->qube = q;
}

static void
set_none(struct value *v)
{
	v->state = VALUE_NONE;
}

static bool
is_networked(const struct qube *q)
{
	return qube_flag(q, PROPERTY_PROVIDES_NETWORK) || qube_netvm(q) != NULL;
}

static bool
has_ipv6(const struct qube *q)
{
	const char *value = qube_feature_lookup(q, "ipv6", FEATURE_WITH_NETVM);

	return value != NULL && value[0] != '\0' && is_networked(q);
}

static unsigned int
address_number(const struct qube *q)
{
	return q->class == CLASS_DISP ? (unsigned int)qube_number(q, PROPERTY_DISPID)
				      : (unsigned int)q->qid;
}

void
compute_ip(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	if (!is_networked(q)) {
		set_none(v);
		return;
	}
	address_format_ipv4(v->buffer, q->class == CLASS_DISP, address_number(q));
	set_text(v, v->buffer);
}

void
compute_ip6(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	if (!has_ipv6(q)) {
		set_none(v);
		return;
	}
	address_format_ipv6(v->buffer, q->class == CLASS_DISP, address_number(q));
	set_text(v, v->buffer);
}

void
compute_gateway(const struct app *app, const struct qube *q, struct value *v)
{
	if (qube_flag(q, PROPERTY_PROVIDES_NETWORK))
		(void)property_get(app, q, property_by_id(PROPERTY_IP), v);
	else
		set_none(v);
}

void
compute_gateway6(const struct app *app, const struct qube *q, struct value *v)
{
	if (qube_flag(q, PROPERTY_PROVIDES_NETWORK))
		(void)property_get(app, q, property_by_id(PROPERTY_IP6), v);
	else
		set_none(v);
}

void
compute_dns(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	set_text(v, is_networked(q) ? ADDRESS_DNS_BOTH : "");
}

/* A disposable is what its disposable template says of its disposables. */
void
compute_ephemeral(const struct app *app, const struct qube *q, struct value *v)
{
	const struct qube *template = q->class == CLASS_DISP ? qube_template(q) : NULL;

	(void)app;
	set_flag(v, template != NULL && qube_flag(template, PROPERTY_EPHEMERAL));
}

/* What the qube is told, if not the truth. */
static bool
use_fake(const struct qube *q, const char *feature, struct value *v)
{
	const char *fake = qube_feature(q, feature);

	if (fake == NULL || fake[0] == '\0')
		return false;
	set_text(v, fake);
	return true;
}

void
compute_visible_ip(const struct app *app, const struct qube *q, struct value *v)
{
	if (!use_fake(q, "net.fake-ip", v))
		(void)property_get(app, q, property_by_id(PROPERTY_IP), v);
}

void
compute_visible_ip6(const struct app *app, const struct qube *q, struct value *v)
{
	(void)property_get(app, q, property_by_id(PROPERTY_IP6), v);
}

static void
compute_of_netvm(const struct app *app, const struct qube *q, enum property_id id, struct value *v)
{
	const struct qube *netvm = qube_netvm(q);

	if (netvm != NULL)
		(void)property_get(app, netvm, property_by_id(id), v);
	else
		set_none(v);
}

void
compute_visible_gateway(const struct app *app, const struct qube *q, struct value *v)
{
	if (!use_fake(q, "net.fake-gateway", v))
		compute_of_netvm(app, q, PROPERTY_GATEWAY, v);
}

void
compute_visible_gateway6(const struct app *app, const struct qube *q, struct value *v)
{
	compute_of_netvm(app, q, PROPERTY_GATEWAY6, v);
}

void
compute_visible_netmask(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	if (use_fake(q, "net.fake-netmask", v))
		return;
	if (qube_netvm(q) != NULL)
		set_text(v, ADDRESS_NETMASK);
	else
		set_none(v);
}

void
compute_netvm(const struct app *app, const struct qube *q, struct value *v)
{
	if (q->class == CLASS_TEMPLATE)
		set_none(v);
	else
		(void)property_get(app, NULL, property_by_id(GLOBAL_DEFAULT_NETVM), v);
}

void
compute_icon(const struct app *app, const struct qube *q, struct value *v)
{
	static const char *const prefixes[QUBE_CLASS_MAX] = {
		[CLASS_ADMIN] = "adminvm",
		[CLASS_APP] = "appvm",
		[CLASS_DISP] = "dispvm",
		[CLASS_REMOTE] = "remotevm",
		[CLASS_STANDALONE] = "standalonevm",
		[CLASS_TEMPLATE] = "templatevm",
	};
	const struct label *label = qube_label(q);
	const char *prefix = prefixes[q->class];

	(void)app;
	if (q->class == CLASS_APP && qube_flag(q, PROPERTY_TEMPLATE_FOR_DISPVMS))
		prefix = prefixes[CLASS_TEMPLATE];
	if (q->class != CLASS_ADMIN && qube_feature_is_on(q, "servicevm"))
		prefix = "servicevm";
	(void)snprintf(v->buffer, sizeof(v->buffer), "%s-%s", prefix,
		label != NULL ? label->name : "black");
	set_text(v, v->buffer);
}

void
compute_klass(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	set_text(v, qube_class_name(q->class));
}

void
compute_name(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	set_text(v, q->name);
}

void
compute_qid(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	set_number(v, q->qid);
}

void
compute_uuid(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	set_text(v, q->uuid);
}

void
compute_updateable(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	set_flag(v, q->class == CLASS_TEMPLATE || q->class == CLASS_STANDALONE ||
			    q->class == CLASS_ADMIN);
}

void
compute_start_time(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	if (q->power.start_time_us == 0) {
		set_none(v);
		return;
	}
	(void)snprintf(v->buffer, sizeof(v->buffer), "%" PRIu64 ".%06" PRIu64,
		q->power.start_time_us / 1000000, q->power.start_time_us % 1000000);
	set_text(v, v->buffer);
}

void
compute_xid(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	set_number(v, q->power.xid);
}

/* Whether the template's list of preloaded disposables names the qube. */
void
compute_is_preload(const struct app *app, const struct qube *q, struct value *v)
{
	const struct qube *template = qube_template(q);
	const char *list = template != NULL ? qube_feature(template, "preload-dispvm") : NULL;
	size_t length = strlen(q->name);
	bool found = false;

	(void)app;
	for (const char *word = list; word != NULL && *word != '\0' && !found;) {
		size_t word_length = strcspn(word, " ");

		found = word_length == length && memcmp(word, q->name, length) == 0;
		word += word_length;
		word += strspn(word, " ");
	}
	set_flag(v, found);
}

void
compute_include_in_backups(const struct app *app, const struct qube *q, struct value *v)
{
	(void)app;
	if (q->class == CLASS_DISP)
		set_flag(v, !qube_flag(q, PROPERTY_AUTO_CLEANUP));
	else
		set_flag(v, q->class != CLASS_REMOTE);
}

void
compute_default_dispvm(const struct app *app, const struct qube *q, struct value *v)
{
	if (q->class == CLASS_DISP)
		set_qube(v, qube_template(q));
	else
		(void)property_get(app, NULL, property_by_id(GLOBAL_DEFAULT_DISPVM), v);
}

void
compute_guivm_layout(const struct app *app, const struct qube *q, struct value *v)
{
	const struct qube *guivm = qube_is_dom0(q) ? NULL : qube_reference(q, PROPERTY_GUIVM);

	/* One step only: two qubes may show each other's windows. */
	if (guivm != NULL && guivm != q &&
		property_is_set(app, guivm, property_by_id(PROPERTY_KEYBOARD_LAYOUT)))
		(void)property_get(app, guivm, property_by_id(PROPERTY_KEYBOARD_LAYOUT), v);
	else
		set_text(v, "us++");
}

/* A boot mode is known if it is `default` or the qube or a template of it has options for it. */
static bool
knows_bootmode(const struct qube *q, const char *mode)
{
	char feature[256];
	int length = snprintf(feature, sizeof(feature), "boot-mode.kernelopts.%s", mode);

	if (text_equal(mode, "default"))
		return true;
	return length > 0 && (size_t)length < sizeof(feature) &&
	       qube_feature_lookup(q, feature, FEATURE_WITH_TEMPLATE) != NULL;
}

void
compute_bootmode(const struct app *app, const struct qube *q, struct value *v)
{
	const char *active = qube_feature(q, "boot-mode.active");
	const struct qube *template;

	if (active != NULL && knows_bootmode(q, active)) {
		set_text(v, active);
		return;
	}
	for (template = qube_template(q); template != NULL; template = qube_template(template)) {
		if (template->class != CLASS_TEMPLATE)
			continue;
		(void)property_get(
			app, template, property_by_id(PROPERTY_APPVM_DEFAULT_BOOTMODE), v);
		if (knows_bootmode(q, v->text))
			return;
	}
	set_text(v, "default");
}

void
compute_appvm_bootmode(const struct app *app, const struct qube *q, struct value *v)
{
	const char *mode = qube_feature(q, "boot-mode.appvm-default");

	(void)app;
	set_text(v, mode != NULL ? mode : "default");
}

void
compute_kernelopts(const struct app *app, const struct qube *q, struct value *v)
{
	const struct qube *template = qube_template(q);
	const char *options;
	struct value kernel = {0};

	(void)property_get(app, q, property_by_id(PROPERTY_KERNEL), &kernel);
	if (kernel.state == VALUE_PRESENT && kernel.text[0] == '\0') {
		set_text(v, "");
		return;
	}
	if (template != NULL) {
		(void)property_get(app, template, property_by_id(PROPERTY_KERNELOPTS), v);
		return;
	}
	options = kernel.state == VALUE_PRESENT ? kernel_default_options(app->kernels, kernel.text)
						: NULL;
	set_text(v, options != NULL ? options : KERNELOPTS_FALLBACK);
}

/* An agent that names the services it has, but not this one, gives no memory back. */
static bool
lacks_meminfo_writer(const struct qube *q)
{
	static const char prefix[] = "supported-service.";
	bool names_some = false;

	for (; q != NULL; q = qube_template(q)) {
		for (size_t i = 0; i < q->features.count; i++) {
			const char *name = q->features.items[i].name;

			if (!text_starts_with(name, prefix))
				continue;
			if (text_equal(name + strlen(prefix), "meminfo-writer"))
				return false;
			names_some = true;
		}
	}
	return names_some;
}

static bool
can_balance(const struct app *app, const struct qube *q)
{
	struct value mode = {0};

	if (!app->hooks.balances_memory)
		return false;
	(void)property_get(app, q, property_by_id(PROPERTY_VIRT_MODE), &mode);
	if (!text_equal(mode.text, "hvm"))
		return true;
	return qube_feature_lookup(q, "qrexec", FEATURE_WITH_TEMPLATE) != NULL &&
	       !lacks_meminfo_writer(q);
}

void
compute_maxmem(const struct app *app, const struct qube *q, struct value *v)
{
	const struct qube *template = qube_template(q);
	const char *os;
	int64_t limit_mib = (int64_t)(app->host_memory_mib / 2), maxmem_mib;

	if (qube_is_dom0(q)) {
		set_number(v, (int64_t)app->host_memory_mib);
		return;
	}
	if (!can_balance(app, q)) {
		set_number(v, 0);
		return;
	}
	if (template != NULL) {
		maxmem_mib = qube_number(template, PROPERTY_MAXMEM);
	} else {
		os = qube_feature(q, "os");
		maxmem_mib = os != NULL && text_equal(os, "Linux")
				     ? qube_number(q, PROPERTY_MEMORY) * MAXMEM_LINUX_FACTOR
				     : MAXMEM_OTHER_SYSTEMS_MIB;
	}
	set_number(v, maxmem_mib < limit_mib ? maxmem_mib : limit_mib);
}

void
compute_host_memory(const struct app *app, const struct qube *q, struct value *v)
{
	(void)q;
	set_number(v, (int64_t)app->host_memory_mib);
}

void
compute_host_cpus(const struct app *app, const struct qube *q, struct value *v)
{
	(void)q;
	set_number(v, app->host_cpus);
}

void
compute_dom0(const struct app *app, const struct qube *q, struct value *v)
{
	(void)q;
	set_qube(v, app_dom0(app));
}

void
compute_pool(const struct app *app, const struct qube *q, struct value *v)
{
	const char *pool =
		app->hooks.pool_default != NULL ? app->hooks.pool_default(app->hooks.data) : NULL;

	(void)q;
	if (pool != NULL)
		set_text(v, pool);
}
