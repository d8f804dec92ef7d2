/* guid.conf; see config.h. A table says for each key how its value gets in. */
#include "gui/daemon/config.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "gui/protocol/protocol.h"

enum key_kind {
	KEY_BOOL,
	KEY_NUMBER,
	KEY_TEXT,
};

struct key {
	const char *name;
	int (*set)(struct gui_config *c, const char *value);
	size_t offset; /* of the member, for the first two kinds */
	enum key_kind kind;
	unsigned int minimum, maximum; /* of a number */
	bool lenient;                  /* a wrong number is a warning */
};

static int
set_popups(struct gui_config *c, const char *value)
{
	if (text_equal(value, "allow"))
		c->popups = GUI_POPUPS_ALLOWED;
	else if (text_equal(value, "disabled") || text_equal(value, "disable"))
		c->popups = GUI_POPUPS_MANAGED;
	else
		return -EINVAL;
	return 0;
}

static int
set_copy(struct gui_config *c, const char *value)
{
	return gui_parse_chord(value, &c->copy);
}

static int
set_paste(struct gui_config *c, const char *value)
{
	return gui_parse_chord(value, &c->paste);
}

static int
set_tray(struct gui_config *c, const char *value)
{
	return gui_parse_tray_mode(value, &c->tray);
}

static int
set_background(struct gui_config *c, const char *value)
{
	return gui_parse_colour(value, &c->background);
}

#define BOOL_KEY(member)                                                                           \
	{                                                                                          \
#member, NULL, offsetof(struct gui_config, member), KEY_BOOL                       \
	}
#define TEXT_KEY(name, setter)                                                                     \
	{                                                                                          \
		name, setter, 0, KEY_TEXT                                                          \
	}

static const struct key keys[] = {
	BOOL_KEY(allow_fullscreen),
	BOOL_KEY(override_redirect_protection),
	BOOL_KEY(allow_utf8_titles),
	BOOL_KEY(strict_popups),
	TEXT_KEY("override_redirect", set_popups),
	TEXT_KEY("secure_copy_sequence", set_copy),
	TEXT_KEY("secure_paste_sequence", set_paste),
	TEXT_KEY("trayicon_mode", set_tray),
	TEXT_KEY("window_background_color", set_background),
	{"max_clipboard_size", NULL, offsetof(struct gui_config, max_clipboard_bytes), KEY_NUMBER,
		GUI_CLIPBOARD_MIN, GUI_CLIPBOARD_MAX, true},
	{"startup_timeout", NULL, offsetof(struct gui_config, startup_timeout_s), KEY_NUMBER, 0,
		86400},
	{"events_max_delay", NULL, offsetof(struct gui_config, max_event_delay_ms), KEY_NUMBER, 0,
		GUI_EVENT_DELAY_MAX_MS},
	{"log_level", NULL, offsetof(struct gui_config, log_verbosity), KEY_NUMBER, 0, 2},
	{"windows_count_limit", NULL, offsetof(struct gui_config, max_windows), KEY_NUMBER, 1,
		GUI_WINDOWS_MAX},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

void
gui_config_init(struct gui_config *c)
{
	*c = (struct gui_config){
		.colour = 0xff0000,
		.label = 1,
		.log_verbosity = 1,
		.override_redirect_protection = true,
		.max_clipboard_bytes = GUI_CLIPBOARD_DEFAULT,
		.tray = {.colouring = GUI_TRAY_TINT},
		.background = 0xffffff,
		.startup_timeout_s = 45,
		.max_windows = GUI_WINDOWS_DEFAULT,
		.disconnect_on_violation = true,
		.paste_guard_ms = 300,
		.draw_interval_ms = 8,
		.pool_fd = -1,
		.stats_fd = -1,
		.ready_fd = -1,
		.icons_fd = -1,
	};
	gui_parse_chord("Ctrl-Shift-c", &c->copy);
	gui_parse_chord("Ctrl-Shift-v", &c->paste);
}

void
gui_config_finish(struct gui_config *c)
{
	for (unsigned int i = 0; i < c->screensaver_count; i++)
		free(c->screensavers[i]);
	for (unsigned int i = 0; i < c->property_count; i++) {
		free(c->properties[i].name);
		free(c->properties[i].value);
	}
	free(c->icon_path);
	free(c->config_path);
	free(c->connect);
	free(c->state_dir);
	free(c->policy_socket);
}

static const struct key *
find_key(const char *name)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (text_equal(keys[i].name, name))
			return &keys[i];
	}
	return NULL;
}

static int
set_number(struct gui_config *c, const struct key *key, long long value, struct err *err)
{
	char *member = (char *)c + key->offset;

	if (value >= key->minimum && value <= key->maximum) {
		*(unsigned int *)(void *)member = (unsigned int)value;
		return 0;
	}
	if (key->lenient) {
		log_warning("%s: %lld is not in %u..%u, the default is used", key->name, value,
			key->minimum, key->maximum);
		return 0;
	}
	return err_set(err, EINVAL, "%s: %lld is not in %u..%u", key->name, value, key->minimum,
		key->maximum);
}

static int
set_text(struct gui_config *c, const struct key *key, const char *value, struct err *err)
{
	if (key->set(c, value) < 0)
		return err_set(err, EINVAL, "%s: '%s' is not a value of it", key->name, value);
	return 0;
}

static int
set_bool(struct gui_config *c, const struct key *key, bool value)
{
	*((bool *)c + key->offset) = value;
	return 0;
}

int
gui_config_set(struct gui_config *c, const char *name, const char *value, struct err *err)
{
	const struct key *key = find_key(name);
	uint64_t number;

	if (key == NULL)
		return err_set(err, EINVAL, "no option '%s'", name);
	if (key->kind == KEY_TEXT)
		return set_text(c, key, value, err);
	if (key->kind == KEY_NUMBER) {
		if (text_parse_u64(value, UINT32_MAX, &number) < 0)
			return err_set(err, EINVAL, "%s: '%s' is not a number", name, value);
		return set_number(c, key, (long long)number, err);
	}
	if (text_equal(value, "1") || text_equal(value, "true"))
		return set_bool(c, key, true);
	if (text_equal(value, "") || text_equal(value, "0") || text_equal(value, "false"))
		return set_bool(c, key, false);
	return err_set(err, EINVAL, "%s: '%s' is neither true nor false", name, value);
}

static int
read_setting(struct gui_config *c, const config_setting_t *setting, struct err *err)
{
	const char *name = config_setting_name(setting);
	const struct key *key = find_key(name);
	int type = config_setting_type(setting);

	if (key == NULL) {
		log_warning("guid.conf: no option '%s'", name);
		return 0;
	}
	switch (key->kind) {
	case KEY_BOOL:
		if (type == CONFIG_TYPE_BOOL)
			return set_bool(c, key, config_setting_get_bool(setting) != 0);
		break;
	case KEY_NUMBER:
		if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
			return set_number(c, key, config_setting_get_int64(setting), err);
		break;
	case KEY_TEXT:
		if (type == CONFIG_TYPE_STRING)
			return set_text(c, key, config_setting_get_string(setting), err);
		break;
	}
	return err_set(err, EINVAL, "%s: the value is of another type", name);
}

static int
read_group(struct gui_config *c, const config_t *file, struct err *err)
{
	config_setting_t *group = config_lookup(file, "global");

	for (int i = 0; group != NULL && i < config_setting_length(group); i++) {
		if (read_setting(c, config_setting_get_elem(group, (unsigned int)i), err) < 0)
			return -1;
	}
	return 0;
}

int
gui_config_read(struct gui_config *c, const char *path, struct err *err)
{
	config_t file;
	int result;

	if (access(path, R_OK) < 0 && errno == ENOENT) {
		log_warning("configuration '%s' does not exist, the defaults are used", path);
		return 0;
	}
	config_init(&file);
	if (config_read_file(&file, path) == CONFIG_TRUE)
		result = read_group(c, &file, err);
	else
		result = err_set(err, EINVAL, "line %d: %s", config_error_line(&file),
			config_error_text(&file));
	config_destroy(&file);
	return result < 0 ? err_wrap(err, "configuration '%s'", path) : 0;
}
