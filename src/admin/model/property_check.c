/*
 * What values the properties take (spec admin-api.md 4.1 and 4.5): normal forms of texts, rules
 * about references, and what the state of qubes forbids. Values come from clients; the type has
 * been checked already.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/app.h"
#include "admin/model/kernels.h"
#include "admin/model/property_table.h"

#define KERNELOPTS_MAX 512
#define REMOTE_SERVICE_MAX 63
#define INTERFACE_LENGTH 7

#define complain(err, ...) err_set_kind((err), "QubesPropertyValueError", EINVAL, __VA_ARGS__)

static void
lower_case(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
	}
}

static int
normalise_address(int family, const char *type, char **text, struct err *err)
{
	unsigned char address[sizeof(struct in6_addr)];
	char normal[INET6_ADDRSTRLEN];

	if (inet_pton(family, *text, address) != 1 ||
		inet_ntop(family, address, normal, sizeof(normal)) == NULL)
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Failed to parse property value as %s", type);
	free(*text);
	*text = text_copy(normal);
	return 0;
}

int
check_ip(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	(void)app;
	(void)q;
	return normalise_address(AF_INET, "IPv4Address", text, err);
}

int
check_ip6(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	(void)app;
	(void)q;
	return normalise_address(AF_INET6, "IPv6Address", text, err);
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

int
check_mac(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	char *mac = *text;
	bool valid = strlen(mac) == 17;

	(void)app;
	(void)q;
	lower_case(mac);
	for (size_t i = 0; valid && i < 17; i++)
		valid = i % 3 == 2 ? mac[i] == ':' : is_hex(mac[i]);
	if (!valid)
		return complain(err, "Invalid MAC address: '%s'", mac);
	return 0;
}

int
check_virt_mode(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	(void)app;
	(void)q;
	lower_case(*text);
	if (!text_equal(*text, "hvm") && !text_equal(*text, "pv") && !text_equal(*text, "pvh"))
		return complain(err, "Invalid virtualization mode, supported values: hvm, pv, pvh");
	return 0;
}

int
check_kernel(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	(void)app;
	(void)q;
	if (strchr(*text, '/') != NULL)
		return complain(err, "Kernel name cannot contain '/'");
	if ((*text)[0] != '\0' && !kernel_is_installed(*text))
		return complain(err, "Kernel '%s' not installed", *text);
	return 0;
}

int
check_kernelopts(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	(void)app;
	(void)q;
	if (strlen(*text) > KERNELOPTS_MAX)
		return complain(err, "Kernelopts value too long (%d chars max)", KERNELOPTS_MAX);
	return 0;
}

int
check_user(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	(void)app;
	(void)q;
	if (!text_only_has(*text, "_-+,."))
		return complain(err,
			"Username can contain only those characters: "
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+,.");
	return 0;
}

int
check_keyboard_layout(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	const char *part = *text;
	size_t pluses = 0;

	(void)app;
	(void)q;
	for (const char *c = part; *c != '\0'; c++)
		pluses += *c == '+';
	if (pluses != 2)
		return complain(err, "invalid number of keyboard layout parameters");
	for (size_t i = 0; i < 3; i++) {
		size_t length = strcspn(part, "+");

		for (size_t j = 0; j < length; j++) {
			char one[2] = {part[j], '\0'};
			bool is_digit = one[0] >= '0' && one[0] <= '9';

			if (!text_only_has(one, i == 0 ? "" : "-_:,") || (i == 0 && is_digit))
				return complain(err, "Invalid keyboard layout provided");
		}
		if (i == 0 && length == 0)
			return complain(err, "Invalid keyboard layout provided");
		part += length + (part[length] == '+');
	}
	return 0;
}

static int
compare_interfaces(const void *a, const void *b)
{
	return memcmp(a, b, INTERFACE_LENGTH);
}

static bool
is_interface(const char *code)
{
	if (strchr("bupm*", code[0]) == NULL || code[0] == '\0')
		return false;
	for (size_t i = 1; i < INTERFACE_LENGTH; i++) {
		if (!is_hex(code[i]) && code[i] != '*')
			return false;
	}
	return true;
}

/* Codes of seven characters after one another; kept sorted, each once. */
int
check_devices_denied(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	char *codes = *text;
	size_t length = strlen(codes), kept = 0;

	(void)app;
	(void)q;
	if (length % INTERFACE_LENGTH != 0)
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Invalid length of interfaces='%s' (is %zu, expected multiple of %d)",
			codes, length, INTERFACE_LENGTH);
	for (size_t i = 0; i < length; i += INTERFACE_LENGTH) {
		if (!is_interface(codes + i))
			return complain(err,
				"Invalid device interface in '%s': each is one of b, u, p, m or * "
				"and six lower case hexadecimal digits or *",
				codes);
	}
	qsort(codes, length / INTERFACE_LENGTH, INTERFACE_LENGTH, compare_interfaces);
	for (size_t i = 0; i < length; i += INTERFACE_LENGTH) {
		if (kept > 0 && compare_interfaces(codes + kept - INTERFACE_LENGTH, codes + i) == 0)
			continue;
		memmove(codes + kept, codes + i, INTERFACE_LENGTH);
		kept += INTERFACE_LENGTH;
	}
	codes[kept] = '\0';
	return 0;
}

int
check_bootmode(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	char *feature;
	bool is_known = text_equal(*text, "default");

	(void)app;
	if (!is_known) {
		feature = text_format("boot-mode.kernelopts.%s", *text);
		is_known = qube_feature_lookup(q, feature, FEATURE_WITH_TEMPLATE) != NULL;
		free(feature);
	}
	if (!is_known)
		return complain(err, "Boot mode '%s' is not known to the qube", *text);
	return 0;
}

int
check_pool(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	(void)q;
	if (app->hooks.pool_exists == NULL || !app->hooks.pool_exists(*text, app->hooks.data))
		return complain(err, "No such storage pool");
	return 0;
}

int
check_remote_name(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	const char *reason;

	(void)app;
	(void)q;
	if ((*text)[0] != '\0' && !qube_name_valid(*text, &reason))
		return complain(err, "%s", reason);
	return 0;
}

int
check_service_name(const struct app *app, const struct qube *q, char **text, struct err *err)
{
	(void)app;
	(void)q;
	if (strlen(*text) > REMOTE_SERVICE_MAX || !text_only_has(*text, "_-.+"))
		return complain(err, "Invalid service name: '%s'", *text);
	return 0;
}

int
check_netvm(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	(void)app;
	(void)p;
	if (value->state != VALUE_PRESENT)
		return 0;
	if (!qube_flag(value->qube, PROPERTY_PROVIDES_NETWORK))
		return complain(err, "The %s qube does not provide network", value->qube->name);
	for (const struct qube *hop = value->qube; hop != NULL; hop = qube_netvm(hop)) {
		if (hop == q)
			return complain(err, "Loops in network are unsupported");
	}
	return 0;
}

/* Every qube at its default would get the value, also those the value itself leads through. */
int
check_default_netvm(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	const struct property *netvm = property_by_id(PROPERTY_NETVM);
	const struct qube *hop = value->qube;

	(void)q;
	(void)p;
	if (value->state != VALUE_PRESENT)
		return 0;
	if (!qube_flag(hop, PROPERTY_PROVIDES_NETWORK))
		return complain(err, "The %s qube does not provide network", hop->name);
	while (hop != NULL) {
		bool at_default = hop->class != CLASS_TEMPLATE && !property_is_set(app, hop, netvm);

		if (at_default)
			return complain(err, "Network loop on '%s'", hop->name);
		hop = qube_netvm(hop);
	}
	return 0;
}

int
check_default_dispvm(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	(void)app;
	if (value->state != VALUE_PRESENT || qube_flag(value->qube, PROPERTY_TEMPLATE_FOR_DISPVMS))
		return 0;
	if (q == NULL)
		return complain(err,
			"Cannot set invalid property to system, %s '%s' has "
			"template_for_dispvms set to False",
			p->name, value->qube->name);
	return complain(err,
		"Cannot set invalid property to qube '%s', %s '%s' has "
		"template_for_dispvms set to False",
		q->name, p->name, value->qube->name);
}

int
check_disposable_template(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	(void)app;
	(void)q;
	(void)p;
	if (!qube_flag(value->qube, PROPERTY_TEMPLATE_FOR_DISPVMS))
		return complain(err, "template for disposable must have template_for_dispvms=True");
	return 0;
}

int
check_template(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	if (q->class == CLASS_DISP)
		return check_disposable_template(app, q, p, value, err);
	if (value->qube->class != CLASS_TEMPLATE)
		return complain(err, "wrong VM class: domains['%s'] is of type %s and not %s",
			value->qube->name, qube_class_name(value->qube->class),
			qube_class_name(CLASS_TEMPLATE));
	return 0;
}

int
veto_change_template(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	const struct qube *other;
	size_t i;

	(void)p;
	(void)value;
	if (!qube_is_halted(q))
		return err_set_kind(err, "QubesVMNotHaltedError", EBUSY,
			"Cannot change template while qube is running");
	app_for_each_qube(app, i, other)
	{
		if (other->class == CLASS_DISP && qube_template(other) == q &&
			!qube_is_halted(other) && !qube_flag(other, PROPERTY_IS_PRELOAD))
			return err_set_kind(err, "QubesVMInUseError", EBUSY,
				"Cannot change template while its disposables are running");
	}
	return 0;
}

int
veto_in_use_as_netvm(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	const struct qube *other;
	size_t i;

	(void)p;
	if (value->flag)
		return 0;
	app_for_each_qube(app, i, other)
	{
		if (qube_netvm(other) == q)
			return err_set_kind(err, "QubesValueError", EBUSY,
				"The qube is still used by other qubes, change theirs "
				"'netvm' first");
	}
	return 0;
}

static bool
refers(const struct app *app, const struct qube *from, enum property_id id, const struct qube *q)
{
	const struct property *p = property_by_id(id);

	return property_is_set(app, from, p) &&
	       property_values_of(app, from)->slots[property_slot(p)].qube == q;
}

int
veto_in_use_as_dispvm(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	bool in_use = refers(app, NULL, GLOBAL_DEFAULT_DISPVM, q) ||
		      refers(app, NULL, GLOBAL_MANAGEMENT_DISPVM, q);
	const struct qube *other;
	size_t i;

	(void)p;
	if (value->flag)
		return 0;
	app_for_each_qube(app, i, other)
	{
		in_use = in_use || refers(app, other, PROPERTY_DEFAULT_DISPVM, q) ||
			 refers(app, other, PROPERTY_MANAGEMENT_DISPVM, q) ||
			 (other->class == CLASS_DISP && qube_template(other) == q &&
				 !qube_flag(other, PROPERTY_IS_PRELOAD));
	}
	if (in_use)
		return err_set_kind(err, "QubesVMInUseError", EBUSY,
			"The qube is still used for disposables, change 'default_dispvm', "
			"'management_dispvm' or 'template' of others first");
	return 0;
}

int
veto_maxmem_while_running(const struct app *app, const struct qube *q, const struct property *p,
	const struct value *value, struct err *err)
{
	const char *hotplug = qube_feature_lookup(q, "memory-hotplug", FEATURE_WITH_TEMPLATE);

	(void)app;
	(void)p;
	(void)value;
	if (!qube_is_halted(q) && (hotplug == NULL || hotplug[0] == '\0'))
		return err_set_kind(err, "QubesVMNotHaltedError", EBUSY,
			"Domain is not powered off: '%s'", q->name);
	return 0;
}

int
check_label_reset(
	const struct app *app, const struct qube *q, const struct property *p, struct err *err)
{
	(void)app;
	(void)q;
	(void)p;
	return err_set_kind(err, "QubesValueError", EINVAL, "Cannot unset label");
}

int
check_template_reset(
	const struct app *app, const struct qube *q, const struct property *p, struct err *err)
{
	struct value fallback = {0};

	(void)p;
	(void)property_get(app, NULL, property_by_id(GLOBAL_DEFAULT_TEMPLATE), &fallback);
	if (q->class != CLASS_APP || fallback.state != VALUE_PRESENT)
		return err_set_kind(err, "QubesValueError", EINVAL, "Cannot unset template");
	return err_set_kind(err, "QubesValueError", EINVAL,
		"Cannot unset template. You can set it to the current default (%s) instead",
		fallback.qube->name);
}
