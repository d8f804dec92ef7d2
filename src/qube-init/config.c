#include "qube-init/config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "qube-init/cmdline.h"

static const char *const kind_names[] = {
	[QUBE_KIND_APPVM] = "appvm",
	[QUBE_KIND_NETVM] = "netvm",
	[QUBE_KIND_PROXYVM] = "proxyvm",
	[QUBE_KIND_TEMPLATEVM] = "templatevm",
};

static const char *const persistence_names[] = {
	[QUBE_PERSISTENCE_FULL] = "full",
	[QUBE_PERSISTENCE_RW_ONLY] = "rw-only",
	[QUBE_PERSISTENCE_NONE] = "none",
};

/* Classes and types of the host, and what they are for the qube itself. */
static const struct {
	const char *word;
	enum qube_kind kind;
} kind_words[] = {
	{"AppVM", QUBE_KIND_APPVM},
	{"DispVM", QUBE_KIND_APPVM},
	{"StandaloneVM", QUBE_KIND_APPVM},
	{"NetVM", QUBE_KIND_NETVM},
	{"ProxyVM", QUBE_KIND_PROXYVM},
	{"TemplateVM", QUBE_KIND_TEMPLATEVM},
};

const char *
qube_kind_name(enum qube_kind kind)
{
	return kind_names[kind];
}

const char *
qube_persistence_name(enum qube_persistence persistence)
{
	return persistence_names[persistence];
}

static int
parse_kind(const char *word, enum qube_kind *ret_kind, struct err *err)
{
	for (size_t i = 0; i < sizeof kind_words / sizeof *kind_words; i++) {
		if (text_equal(word, kind_words[i].word)) {
			*ret_kind = kind_words[i].kind;
			return 0;
		}
	}
	return err_set(err, EINVAL, "kernel command line: unknown bulkhead.type '%s'", word);
}

static int
parse_persistence(const char *word, enum qube_persistence *ret_persistence, struct err *err)
{
	for (size_t i = 0; i < sizeof persistence_names / sizeof *persistence_names; i++) {
		if (text_equal(word, persistence_names[i])) {
			*ret_persistence = (enum qube_persistence)i;
			return 0;
		}
	}
	return err_set(err, EINVAL, "kernel command line: unknown bulkhead.persistence '%s'", word);
}

/* The value of a key, or its default; too long a value is an error. */
static int
find(const char *command_line, const char *key, const char *fallback, char *ret_value, size_t size,
	struct err *err)
{
	int result = cmdline_find(command_line, key, ret_value, size);

	if (result == -ENOENT && strlen(fallback) < size) {
		memcpy(ret_value, fallback, strlen(fallback) + 1);
		return 0;
	}
	if (result < 0)
		return err_set(err, -result, "kernel command line: %s: value too long", key);
	return 0;
}

int
qube_config_parse(const char *command_line, struct qube_config *ret_config, struct err *err)
{
	struct qube_config config = {0};
	const char *reason;
	char word[32];

	if (find(command_line, "bulkhead.name", "qube", config.name, sizeof config.name, err) < 0 ||
		find(command_line, "bulkhead.user", "user", config.user, sizeof config.user, err) <
			0)
		return -1;
	if (!qube_name_valid(config.name, &reason))
		return err_set(err, EINVAL, "kernel command line: bulkhead.name '%s': %s",
			config.name, reason);
	if (config.user[0] == '-' || config.user[0] == '\0' || !text_only_has(config.user, "_-+,."))
		return err_set(
			err, EINVAL, "kernel command line: bad bulkhead.user '%s'", config.user);
	if (find(command_line, "bulkhead.type", "AppVM", word, sizeof word, err) < 0 ||
		parse_kind(word, &config.kind, err) < 0)
		return -1;
	if (find(command_line, "bulkhead.persistence", "rw-only", word, sizeof word, err) < 0 ||
		parse_persistence(word, &config.persistence, err) < 0)
		return -1;
	*ret_config = config;
	return 0;
}

int
qube_config_read(struct qube_config *ret_config, struct err *err)
{
	AUTO_FREE char *text = NULL;
	size_t size;

	if (read_file("/proc/cmdline", CMDLINE_MAX, &text, &size, err) < 0)
		return -1;
	return qube_config_parse(text, ret_config, err);
}
