/*
 * What callers of the Admin API may set as features (spec admin-api.md 5 and 5.2). Names and
 * values come from clients and, through policy, from qubes: unchecked until these say so.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/feature.h"
#include "admin/model/qube.h"
#include "base/text.h"

/* The longest vm-config key: a QubesDB path holds 63 bytes after the prefix "/vm-config/". */
#define CONFIG_NAME_MAX 52
#define SERVICE_NAME_MAX 48

static bool
only_digits(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int
check_characters(const char *name, const char *value, struct err *err)
{
	if (name[0] == '\0' || !text_only_has(name, "_.-"))
		return err_set_kind(
			err, "ProtocolError", EINVAL, "feature name contains illegal characters");
	for (const char *c = value; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80)
			return err_set_kind(err, "ProtocolError", EINVAL,
				"Feature value contains non-ASCII characters");
	}
	for (const char *c = value; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7e)
			return err_set_kind(err, "ProtocolError", EINVAL,
				"%s value contains illegal characters", name);
	}
	return 0;
}

static int
check_service(const struct qube *q, const char *service, const char *value, struct err *err)
{
	(void)q;
	(void)value;
	if (service[0] == '\0')
		return err_set_kind(err, "QubesValueError", EINVAL, "Service name cannot be empty");
	if (text_equal(service, ".") || text_equal(service, ".."))
		return err_set_kind(
			err, "QubesValueError", EINVAL, "Service name cannot be '%s'", service);
	if (strlen(service) > SERVICE_NAME_MAX && !text_starts_with(service, "app-dispvm."))
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Service name must not exceed %d bytes", SERVICE_NAME_MAX);
	return 0;
}

static int
check_config(const struct qube *q, const char *key, const char *value, struct err *err)
{
	(void)q;
	(void)value;
	if (key[0] == '\0')
		return err_set_kind(
			err, "QubesValueError", EINVAL, "Empty config name not allowed");
	if (!((key[0] >= 'a' && key[0] <= 'z') || (key[0] >= 'A' && key[0] <= 'Z')))
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Config name must start with an ASCII letter");
	if (strlen(key) > CONFIG_NAME_MAX)
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Config name must not exceed %d bytes", CONFIG_NAME_MAX);
	return 0;
}

/* "file|dir:OWNER:GROUP:OCTALMODE:/abs/path" */
static bool
is_persist_rule(const char *value)
{
	const char *rest = value, *colon;
	size_t length;

	for (int field = 0; field < 4; field++) {
		if ((colon = strchr(rest, ':')) == NULL || colon == rest)
			return false;
		length = (size_t)(colon - rest);
		if (field == 0 && !(length == 4 && memcmp(rest, "file", 4) == 0) &&
			!(length == 3 && memcmp(rest, "dir", 3) == 0))
			return false;
		if (field == 3 && strspn(rest, "01234567") != length)
			return false;
		rest = colon + 1;
	}
	return rest[0] == '/';
}

static int
check_persist(const struct qube *q, const char *key, const char *value, struct err *err)
{
	(void)q;
	(void)key;
	if (value[0] == '\0' || value[0] == '/' || is_persist_rule(value))
		return 0;
	return err_set_kind(err, "QubesValueError", EINVAL, "invalid value format: '%s'", value);
}

static int
check_preload_max(const struct qube *q, const char *rest, const char *value, struct err *err)
{
	static const char running[] = "supported-rpc.qubes.WaitForRunningSystem";
	static const char session[] = "supported-rpc.qubes.WaitForSession";
	const char *gui;

	(void)rest;
	if (value[0] == '\0')
		return 0;
	if (!only_digits(value))
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Invalid preload-dispvm-max value: not a digit");
	if (qube_is_dom0(q))
		return 0;
	if (qube_feature_lookup(q, "qrexec", FEATURE_WITH_TEMPLATE) == NULL)
		return err_set_kind(err, "QubesValueError", EINVAL, "Qube does not support qrexec");
	gui = qube_feature_lookup(q, "gui", FEATURE_WITH_TEMPLATE);
	if (qube_feature_lookup(q, running, FEATURE_WITH_TEMPLATE) == NULL ||
		(gui != NULL && gui[0] != '\0' &&
			qube_feature_lookup(q, session, FEATURE_WITH_TEMPLATE) == NULL))
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Qube does not support the RPC '%s' but supports 'qrexec'",
			running + strlen("supported-rpc."));
	return 0;
}

static int
check_number(const struct qube *q, const char *rest, const char *value, struct err *err)
{
	(void)q;
	(void)rest;
	if (value[0] != '\0' && !only_digits(value))
		return err_set_kind(
			err, "QubesValueError", EINVAL, "Invalid value: '%s' is no number", value);
	return 0;
}

static int
check_preload_threshold(const struct qube *q, const char *rest, const char *value, struct err *err)
{
	(void)rest;
	if (qube_is_dom0(q) && value[0] != '\0' && !only_digits(value))
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Invalid preload-dispvm-threshold value: not a digit");
	return 0;
}

static int
check_preload_delay(const struct qube *q, const char *rest, const char *value, struct err *err)
{
	const char *digits = value + (value[0] == '-' ? 1 : 0);

	(void)q;
	(void)rest;
	if (value[0] == '\0')
		return 0;
	if (strspn(digits, "0123456789.") != strlen(digits) ||
		strcspn(digits, "0123456789") == strlen(digits) ||
		strchr(digits, '.') != strrchr(digits, '.'))
		return err_set_kind(err, "QubesValueError", EINVAL,
			"Invalid preload-dispvm-delay value: not a float");
	return 0;
}

static int
check_address(const struct qube *q, const char *rest, const char *value, struct err *err)
{
	struct in_addr address;

	(void)q;
	(void)rest;
	if (value[0] != '\0' && inet_pton(AF_INET, value, &address) != 1)
		return err_set_kind(
			err, "QubesValueError", EINVAL, "invalid IPv4 address: '%s'", value);
	return 0;
}

static const struct feature_rule {
	const char *name; /* with a dot at its end: what the name begins with */
	int (*check)(const struct qube *q, const char *rest, const char *value, struct err *err);
} feature_rules[] = {
	{"custom-persist.", check_persist},
	{"net.fake-gateway", check_address},
	{"net.fake-ip", check_address},
	{"net.fake-netmask", check_address},
	{"preload-dispvm-delay", check_preload_delay},
	{"preload-dispvm-max", check_preload_max},
	{"preload-dispvm-threshold", check_preload_threshold},
	{"qubes-memory-max", check_number},
	{"qubes-memory-patience", check_number},
	{"service.", check_service},
	{"vm-config.", check_config},
};

int
feature_check(const struct qube *q, const char *name, const char *value, struct err *err)
{
	if (check_characters(name, value, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(feature_rules) / sizeof(feature_rules[0]); i++) {
		const struct feature_rule *rule = &feature_rules[i];
		bool is_prefix = text_ends_with(rule->name, ".");

		if (is_prefix ? text_starts_with(name, rule->name) : text_equal(name, rule->name))
			return rule->check(q, name + strlen(rule->name), value, err);
	}
	return 0;
}

int
feature_check_permitted(const char *name, struct err *err)
{
	static const char *const prohibited[] = {
		"bulkhead-keep",
		"bulkhead-kept-from",
		"bulkhead-owner",
		"preload-dispvm",
		"preload-dispvm-completed",
		"preload-dispvm-in-progress",
		"deferred-netvm-original",
	};

	for (size_t i = 0; i < sizeof(prohibited) / sizeof(prohibited[0]); i++) {
		if (text_equal(name, prohibited[i]))
			return err_set_kind(err, "PermissionDenied", EPERM,
				"changing this feature is prohibited by "
				"qubes.ext.admin.AdminExtension");
	}
	return 0;
}
