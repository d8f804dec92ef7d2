/* The rules, most of them a row each (feature_rules.h). */
#include "tools/services/feature_rules.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tools/services/boot_modes.h"

/* What a value may be, and when it counts. */
enum rule_kind {
	RULE_TEXT,      /* not empty */
	RULE_VERSION,   /* digits, '.' and '-', a digit first */
	RULE_DATE,      /* YYYY-MM-DD */
	RULE_AGENT,     /* two numbers of three digits at most */
	RULE_ONCE,      /* 0 or 1, while the feature is not set */
	RULE_SWITCH,    /* 0 or 1 */
	RULE_ONLY_ON,   /* 1 */
	RULE_TAG_PLAIN, /* 1 adds a tag */
};

static const struct rule {
	const char *name;
	enum rule_kind kind;
	const char *tag;
} rows[] = {
	{"os-distribution", RULE_TEXT},
	{"os-distribution-like", RULE_TEXT},
	{"os-version", RULE_VERSION},
	{"os-eol", RULE_DATE},
	{"qubes-agent-version", RULE_AGENT},
	{"qrexec", RULE_ONCE},
	{"gui", RULE_ONCE},
	{"gui-emulated", RULE_ONCE},
	{"qubes-firewall", RULE_SWITCH},
	{"vmexec", RULE_SWITCH},
	{"anon-timezone", RULE_ONLY_ON},
	{"whonix-gw", RULE_TAG_PLAIN, "anon-gateway"},
	{"whonix-ws", RULE_TAG_PLAIN, "anon-vm"},
};

/* The value that is set, or NULL. */
static const char *
present_value(const struct feature_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->feature_count; i++)
		if (text_equal(rules->features[i].name, name))
			return rules->features[i].value;
	return NULL;
}

/* What is as it should be makes no change. */
static void
change(struct feature_rules *rules, enum change_kind kind, const char *name, const char *value)
{
	const char *present = present_value(rules, name);

	if (kind == CHANGE_SET && present != NULL && text_equal(present, value))
		return;
	if (kind == CHANGE_REMOVE && present == NULL)
		return;
	rules->changes[rules->change_count++] =
		(struct feature_change){.kind = kind, .name = name, .value = value};
}

static bool
is_switch(const char *value)
{
	return text_equal(value, "0") || text_equal(value, "1");
}

static bool
is_version(const char *value)
{
	return isdigit((unsigned char)value[0]) && value[strspn(value, "0123456789.-")] == '\0';
}

static bool
is_agent_version(const char *value)
{
	size_t first = strspn(value, "0123456789"), second;

	if (first < 1 || first > 3 || value[first] != '.')
		return false;
	second = strspn(value + first + 1, "0123456789");
	return second >= 1 && second <= 3 && value[first + 1 + second] == '\0';
}

/* A day that exists. */
static bool
is_date(const char *value)
{
	struct tm day = {0}, again;
	const char *end;

	if (strlen(value) != 10 || strspn(value, "0123456789-") != 10)
		return false;
	end = strptime(value, "%Y-%m-%d", &day);
	if (end == NULL || *end != '\0' || value[4] != '-' || value[7] != '-')
		return false;
	again = day;
	return timegm(&again) != -1 && again.tm_mday == day.tm_mday && again.tm_mon == day.tm_mon;
}

/* The value that the feature gets, or NULL when the request does not count. */
static const char *
judge(const struct feature_rules *rules, const struct rule *rule, const char *value)
{
	switch (rule->kind) {
	case RULE_TEXT:
		return value[0] != '\0' ? value : NULL;
	case RULE_VERSION:
		return is_version(value) ? value : NULL;
	case RULE_DATE:
		return is_date(value) ? value : NULL;
	case RULE_AGENT:
		return is_agent_version(value) ? value : NULL;
	case RULE_ONCE:
		if (present_value(rules, rule->name) != NULL)
			return NULL;
		return is_switch(value) ? (value[0] == '1' ? "1" : "") : NULL;
	case RULE_SWITCH:
		return is_switch(value) ? (value[0] == '1' ? "1" : "") : NULL;
	case RULE_ONLY_ON:
	case RULE_TAG_PLAIN:
		return text_equal(value, "1") ? "1" : NULL;
	}
	return NULL;
}

static void
run_row(struct feature_rules *rules, const struct rule *rule)
{
	const char *asked = requests_value(rules->requests, rule->name);
	const char *value = asked != NULL ? judge(rules, rule, asked) : NULL;

	if (value == NULL)
		return;
	if (rule->kind == RULE_TAG_PLAIN)
		change(rules, CHANGE_TAG, rule->tag, NULL);
	else
		change(rules, CHANGE_SET, rule->name, value);
}

/*
 * Takes all requests of a prefix, and removes its features that are not asked for any more; without
 * such a request nothing changes. Of supported-... only "1" counts; boot modes have other values.
 */
static void
replace_kind(struct feature_rules *rules, const char *prefix)
{
	const bool flags = text_starts_with(prefix, "supported-");
	bool any = false;

	for (size_t i = 0; i < rules->requests->count; i++) {
		const struct feature_request *r = &rules->requests->items[i];

		if (!text_starts_with(r->name, prefix))
			continue;
		any = true;
		if (!flags || text_equal(r->value, "1"))
			change(rules, CHANGE_SET, r->name, r->value);
	}
	if (!any)
		return;
	for (size_t i = 0; i < rules->feature_count; i++) {
		const char *name = rules->features[i].name;
		const char *asked = requests_value(rules->requests, name);

		if (text_starts_with(name, prefix) &&
			(asked == NULL || (flags && !text_equal(asked, "1"))))
			change(rules, CHANGE_REMOVE, name, NULL);
	}
}

void
feature_rules_run(struct feature_rules *rules)
{
	/* Each request and each feature that is set makes one change at most. */
	rules->changes =
		xcalloc(rules->requests->count + rules->feature_count + 1, sizeof(*rules->changes));
	rules->change_count = 0;
	replace_kind(rules, "supported-rpc.");
	if (rules->has_template)
		return;
	replace_kind(rules, "supported-service.");
	replace_kind(rules, "supported-feature.");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(rules, &rows[i]);
	if (boot_modes_valid(rules->requests))
		replace_kind(rules, BOOT_MODES_PREFIX);
}

void
feature_rules_finish(struct feature_rules *rules)
{
	free(rules->changes);
	rules->changes = NULL;
	rules->change_count = 0;
}
