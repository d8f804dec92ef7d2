/*
 * What a qube's daemon has to know, asked by the Admin API in two rounds: the qube itself, then its
 * label and its features. Features become lines of a guid.conf of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "gui/daemon/config.h"
#include "gui/launcher/launcher.h"
#include "tools/lib/admin_client.h"

#define CONFIG_MAX_BYTES 8192
#define CALL_TIMEOUT_MS 10000

static const struct {
	const char *key;
	bool quoted;
} options[] = {
	{"allow_fullscreen", false},
	{"override_redirect_protection", false},
	{"allow_utf8_titles", false},
	{"override_redirect", true},
	{"secure_copy_sequence", true},
	{"secure_paste_sequence", true},
	{"trayicon_mode", true},
	{"window_background_color", true},
	{"max_clipboard_size", false},
	{"startup_timeout", false},
	{"events_max_delay", false},
	{"windows_count_limit", false},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

enum fact {
	FACT_XID,
	FACT_GUIVM,
	FACT_LABEL,
	FACT_DEBUG,
	FACT_GUI,
	FACT_NO_LAYOUT,
	FACT_KEYBOARD,
	FACT_PRELOAD,
	FACT_COUNT,
};

static const struct {
	const char *method, *argument;
} facts[FACT_COUNT] = {
	[FACT_XID] = {"admin.vm.property.Get", "xid"},
	[FACT_GUIVM] = {"admin.vm.property.Get", "guivm"},
	[FACT_LABEL] = {"admin.vm.property.Get", "label"},
	[FACT_DEBUG] = {"admin.vm.property.Get", "debug"},
	[FACT_GUI] = {"admin.vm.feature.CheckWithTemplate", "gui"},
	[FACT_NO_LAYOUT] = {"admin.vm.feature.CheckWithTemplate", "no-monitor-layout"},
	[FACT_KEYBOARD] = {"admin.vm.property.Get", "keyboard_layout"},
	[FACT_PRELOAD] = {"admin.vm.property.Get", "is_preload"},
};

static bool
option_is_text(const char *key)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (text_equal(options[i].key, key))
			return options[i].quoted;
	}
	return false;
}

static bool
option_is_bool(const char *key)
{
	return text_starts_with(key, "allow_") || text_equal(key, "override_redirect_protection");
}

int
gui_qube_add_option(struct buf *config, const char *key, const char *value, struct err *err)
{
	struct gui_config scratch;
	int result;

	gui_config_init(&scratch);
	result = gui_config_set(&scratch, key, value, err);
	gui_config_finish(&scratch);
	if (result < 0)
		return -1;
	if (option_is_bool(key))
		value = text_equal(value, "1") || text_equal(value, "true") ? "true" : "false";
	if (option_is_text(key))
		return buf_printf(config, "  %s = \"%s\";\n", key, value);
	return buf_printf(config, "  %s = %s;\n", key, value);
}

/* "default=True type=str VALUE": the value, or NULL. */
static const char *
property_value(const struct admin_call *call)
{
	const char *at = call->content;

	for (int i = 0; at != NULL && i < 2; i++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	return at;
}

static void
run_facts(const char *name, struct admin_call *calls)
{
	for (int i = 0; i < FACT_COUNT; i++)
		calls[i] = (struct admin_call){.method = facts[i].method,
			.argument = facts[i].argument,
			.destination = name};
	admin_calls_run(calls, FACT_COUNT, CALL_TIMEOUT_MS);
}

static bool
feature_is_on(const struct admin_call *call, bool otherwise)
{
	return call->content == NULL ? otherwise : call->content[0] != '\0';
}

static int
take_facts(struct gui_qube *q, const struct admin_call *calls, struct err *err)
{
	const char *xid = property_value(&calls[FACT_XID]);
	const char *guivm = property_value(&calls[FACT_GUIVM]);
	const char *label = property_value(&calls[FACT_LABEL]);
	const char *debug = property_value(&calls[FACT_DEBUG]);
	const char *keyboard = property_value(&calls[FACT_KEYBOARD]);
	const char *preload = property_value(&calls[FACT_PRELOAD]); /* of disposables only */
	uint64_t number;

	if (xid == NULL || guivm == NULL || label == NULL)
		return err_set(
			err, EIO, "qube '%s': %s", q->name, err_message(&calls[FACT_XID].err));
	if (text_parse_u64(xid, UINT16_MAX, &number) < 0 || number == 0)
		return err_set(err, ESRCH, "qube '%s' does not run", q->name);
	q->domain = (unsigned int)number;
	q->label_name = text_copy(label);
	q->keyboard_layout = keyboard != NULL ? text_copy(keyboard) : NULL;
	q->unused = preload != NULL && text_equal(preload, "True");
	q->wanted =
		text_equal(guivm, "dom0") && feature_is_on(&calls[FACT_GUI], true) && !q->unused;
	q->monitor_layout = !feature_is_on(&calls[FACT_NO_LAYOUT], false);
	q->debug = debug != NULL && text_equal(debug, "True");
	return 0;
}

/* A label that can not be read is red, never something harmless. */
static void
load_label(struct gui_qube *q)
{
	struct admin_call calls[2] = {
		{.method = "admin.label.Get", .argument = q->label_name, .destination = "dom0"},
		{.method = "admin.label.Index", .argument = q->label_name, .destination = "dom0"},
	};
	uint64_t index = 1;
	uint32_t colour;

	admin_calls_run(calls, 2, CALL_TIMEOUT_MS);
	if (calls[0].content != NULL && gui_parse_colour(calls[0].content, &colour) == 0)
		q->label_colour = text_copy(calls[0].content);
	else
		q->label_colour = text_copy("0xff0000");
	if (calls[1].content != NULL && text_parse_u64(calls[1].content, UINT32_MAX, &index) < 0)
		index = 1;
	q->label_index = (uint32_t)index;
	admin_call_finish(&calls[0]);
	admin_call_finish(&calls[1]);
}

/* The qube's feature, else the default of dom0. */
static void
load_options(struct gui_qube *q)
{
	struct admin_call *calls = xcalloc(OPTION_COUNT * 2, sizeof(*calls));
	char *names[OPTION_COUNT * 2];

	for (size_t i = 0; i < OPTION_COUNT * 2; i++) {
		bool is_default = i >= OPTION_COUNT;

		names[i] = text_format(
			"gui-%s%s", is_default ? "default-" : "", options[i % OPTION_COUNT].key);
		for (char *at = names[i]; *at != '\0'; at++)
			*at = *at == '_' ? '-' : *at;
		calls[i] = (struct admin_call){
			.method = is_default ? "admin.vm.feature.Get"
					     : "admin.vm.feature.CheckWithTemplate",
			.argument = names[i],
			.destination = is_default ? "dom0" : q->name,
		};
	}
	admin_calls_run(calls, OPTION_COUNT * 2, CALL_TIMEOUT_MS);
	buf_put_string(&q->config, "global: {\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		AUTO_ERR struct err err = ERR_INIT;
		const char *value = calls[i].content != NULL ? calls[i].content
							     : calls[i + OPTION_COUNT].content;

		if (value != NULL &&
			gui_qube_add_option(&q->config, options[i].key, value, &err) < 0)
			log_qube_message(LOG_LEVEL_WARNING, q->name, "feature '%s' is ignored: %s",
				names[i], err_message(&err));
	}
	buf_put_string(&q->config, "}\n");
	for (size_t i = 0; i < OPTION_COUNT * 2; i++)
		free(names[i]);
	admin_calls_free(calls, OPTION_COUNT * 2);
}

int
gui_qube_load(struct gui_qube *q, const char *name, struct err *err)
{
	struct admin_call calls[FACT_COUNT];
	int result;

	*q = (struct gui_qube){.name = text_copy(name)};
	buf_init(&q->config, CONFIG_MAX_BYTES);
	run_facts(name, calls);
	result = take_facts(q, calls, err);
	for (int i = 0; i < FACT_COUNT; i++)
		admin_call_finish(&calls[i]);
	if (result < 0)
		return result;
	load_label(q);
	load_options(q);
	return 0;
}

void
gui_qube_finish(struct gui_qube *q)
{
	free(q->name);
	free(q->label_colour);
	free(q->label_name);
	free(q->keyboard_layout);
	buf_finish(&q->config);
}
