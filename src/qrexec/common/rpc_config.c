/*
 * Configuration files of services; see rpc_config.h. Runs in the agent, for every call: the files
 * are the administrator's and small, but a service's argument takes part in choosing one.
 */
#include "qrexec/common/rpc_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

enum value_kind {
	VALUE_BOOL,
	VALUE_INTEGER,
	VALUE_STRING,
};

struct value {
	enum value_kind kind;
	bool truth;
	uint64_t integer;
	const char *text; /* borrowed from the line, ended there */
};

enum key {
	KEY_WAIT_FOR_SESSION,
	KEY_FORCE_USER,
	KEY_SKIP_SERVICE_DESCRIPTOR,
	KEY_EXIT_ON_SERVICE_EOF,
	KEY_EXIT_ON_CLIENT_EOF,
	KEY_COUNT,
};

static const char *const key_names[KEY_COUNT] = {
	[KEY_WAIT_FOR_SESSION] = "wait-for-session",
	[KEY_FORCE_USER] = "force-user",
	[KEY_SKIP_SERVICE_DESCRIPTOR] = "skip-service-descriptor",
	[KEY_EXIT_ON_SERVICE_EOF] = "exit-on-service-eof",
	[KEY_EXIT_ON_CLIENT_EOF] = "exit-on-client-eof",
};

struct parser {
	const char *name;
	unsigned int line;
	unsigned int seen; /* one bit a key */
	struct rpc_config config;
};

static int
complain(const struct parser *p, struct err *err, const char *what)
{
	return err_set(err, EINVAL, "configuration '%s': line %u: %s", p->name, p->line, what);
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char *
skip_blanks(char *at)
{
	return at + strspn(at, " \t");
}

/* Reads one value and ends its text in place. Returns what follows, or NULL. */
static char *
parse_value(char *at, struct value *value)
{
	size_t length;
	char *end;

	if (*at == '\'') {
		end = strchr(at + 1, '\'');
		if (end == NULL)
			return NULL;
		*end = '\0';
		*value = (struct value){.kind = VALUE_STRING, .text = at + 1};
		return end + 1;
	}
	length = strcspn(at, " \t#");
	if (length == 4 && strncmp(at, "true", length) == 0) {
		*value = (struct value){.kind = VALUE_BOOL, .truth = true};
	} else if (length == 5 && strncmp(at, "false", length) == 0) {
		*value = (struct value){.kind = VALUE_BOOL, .truth = false};
	} else {
		AUTO_FREE char *digits = text_format("%.*s", (int)length, at);

		*value = (struct value){.kind = VALUE_INTEGER};
		if (text_parse_u64(digits, INT64_MAX, &value->integer) < 0)
			return NULL;
	}
	return at + length;
}

static int
take_bool(struct parser *p, enum key key, const struct value *value, bool *ret, struct err *err)
{
	if (value->kind == VALUE_BOOL)
		*ret = value->truth;
	else if (key == KEY_WAIT_FOR_SESSION && value->kind == VALUE_INTEGER && value->integer <= 1)
		*ret = value->integer == 1;
	else
		return complain(p, err, "the value must be true or false");
	return 0;
}

static int
take_setting(struct parser *p, enum key key, const struct value *value, struct err *err)
{
	struct rpc_config *c = &p->config;

	if ((p->seen & (1U << key)) != 0)
		return complain(p, err, "the key is there twice");
	p->seen |= 1U << key;
	switch (key) {
	case KEY_WAIT_FOR_SESSION:
		return take_bool(p, key, value, &c->wait_for_session, err);
	case KEY_SKIP_SERVICE_DESCRIPTOR:
		return take_bool(p, key, value, &c->skip_service_descriptor, err);
	case KEY_EXIT_ON_SERVICE_EOF:
		return take_bool(p, key, value, &c->exit_on_service_eof, err);
	case KEY_EXIT_ON_CLIENT_EOF:
		return take_bool(p, key, value, &c->exit_on_client_eof, err);
	case KEY_FORCE_USER:
		if (value->kind != VALUE_STRING)
			return complain(p, err, "the value must be a user in single quotes");
		c->force_user = text_copy(value->text);
		return 0;
	default:
		return 0;
	}
}

static int
parse_line(struct parser *p, char *line, struct err *err)
{
	struct value value;
	size_t key_length = 0;
	char *at;

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (!is_letter(line[0]))
		return complain(p, err, "must begin with the letter of a key");
	while (is_letter(line[key_length]) || is_digit(line[key_length]) ||
		(line[key_length] != '\0' && strchr("._-", line[key_length]) != NULL))
		key_length++;
	at = skip_blanks(line + key_length);
	if (*at != '=')
		return complain(p, err, "no '=' after the key");
	at = parse_value(skip_blanks(at + 1), &value);
	if (at == NULL)
		return complain(p, err, "not a value");
	at = skip_blanks(at);
	if (*at != '\0' && *at != '#')
		return complain(p, err, "something follows the value");

	line[key_length] = '\0';
	for (int key = 0; key < KEY_COUNT; key++)
		if (text_equal(line, key_names[key]))
			return take_setting(p, (enum key)key, &value, err);
	log_warning(
		"configuration '%s': line %u: unknown key '%s' ignored", p->name, p->line, line);
	return 0;
}

/* `text` is cut into lines in place. */
static int
parse_lines(struct parser *p, char *text, struct err *err)
{
	char *line = text;

	while (*line != '\0') {
		size_t length = strcspn(line, "\n");
		char *next = line + length + (line[length] == '\n' ? 1 : 0);

		p->line++;
		if (length > 0 && line[length - 1] == '\r' && line[length] == '\n')
			line[length - 1] = '\0';
		line[length] = '\0';
		if (parse_line(p, line, err) < 0)
			return -1;
		line = next;
	}
	return 0;
}

bool
rpc_config_has_socket_options(const struct rpc_config *config)
{
	return config->skip_service_descriptor || config->exit_on_service_eof ||
	       config->exit_on_client_eof;
}

int
rpc_config_parse(const char *text, size_t size, const char *name, struct rpc_config *ret_config,
	struct err *err)
{
	struct parser p = {.name = name};
	AUTO_FREE char *copy = NULL;
	int e;

	if (memchr(text, 0, size) != NULL)
		return err_set(err, EINVAL, "configuration '%s': has a NUL byte", name);
	copy = xcalloc(size + 1, 1);
	memcpy(copy, text, size);
	e = parse_lines(&p, copy, err);
	if (e == 0 && p.config.force_user != NULL && rpc_config_has_socket_options(&p.config))
		e = err_set(err, EINVAL, "configuration '%s': force-user with an option of sockets",
			name);
	if (e < 0) {
		rpc_config_finish(&p.config);
		return -1;
	}
	*ret_config = p.config;
	return 0;
}

static int
read_entry(const struct service_entry *entry, struct rpc_config *ret_config, struct err *err)
{
	char through[40];
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	size_t size = 0;
	ssize_t n;

	if (entry->fd < 0)
		return err_set(err, EINVAL, "configuration '%s': is not a file", entry->path);
	snprintf(through, sizeof(through), "/proc/self/fd/%d", entry->fd);
	fd = open(through, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set_errno(err, errno, "configuration '%s'", entry->path);
	text = xcalloc(RPC_CONFIG_BYTES_MAX + 1, 1);
	while ((n = read(fd, text + size, RPC_CONFIG_BYTES_MAX + 1 - size)) > 0)
		size += (size_t)n;
	if (n < 0)
		return err_set_errno(err, errno, "configuration '%s'", entry->path);
	if (size > RPC_CONFIG_BYTES_MAX)
		return err_set(err, EFBIG, "configuration '%s': larger than %d bytes", entry->path,
			RPC_CONFIG_BYTES_MAX);
	return rpc_config_parse(text, size, entry->path, ret_config, err);
}

int
rpc_config_load(const struct command *command, struct rpc_config *ret_config, struct err *err)
{
	const char *configured = getenv("QUBES_RPC_CONFIG_PATH");
	AUTO_FREE char *path =
		configured != NULL
			? text_copy(configured)
			: text_format("%s/run/qubes/rpc-config:%s/usr/local/etc/qubes/rpc-config:"
				      "%s/etc/qubes/rpc-config",
				  root_prefix(), root_prefix(), root_prefix());
	struct service_entry entry = {.fd = -1};
	int e = service_lookup(command, path, &entry);

	if (e == -ENOENT) {
		*ret_config = (struct rpc_config){0};
		return 0;
	}
	if (e < 0)
		return err_set_errno(err, -e, "configuration of '%s'", command->descriptor);
	e = read_entry(&entry, ret_config, err);
	service_entry_finish(&entry);
	return e;
}

void
rpc_config_finish(struct rpc_config *config)
{
	free(config->force_user);
	*config = (struct rpc_config){0};
}
