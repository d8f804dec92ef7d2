/*
 * The command string that dom0 sends to start something, protocol section 4.2. Runs in the agent,
 * the fork server and the host's programs. dom0 is trusted to ask for it, but descriptor and
 * source in it began as another qube's words: what could leave the directory of services is
 * refused here whoever let it through.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/common/service.h"

#define RPC_WORD "QUBESRPC"
#define NOGUI_WORD "nogui:"

static char *
copy_part(const char *start, size_t length)
{
	char *part = xcalloc(length + 1, 1);

	memcpy(part, start, length);
	return part;
}

/*
 * Splits the optional rest, " TYPE TARGET". What has another number of words is still a call to
 * a socket, which gets the line as it is.
 */
static void
parse_target(const char *rest, struct command *c)
{
	const char *type = rest + 1;
	const char *space;

	c->words_valid = rest[0] == '\0';
	if (rest[0] == '\0' || (space = strchr(type, ' ')) == NULL)
		return;
	if (space[1] == '\0' || strchr(space + 1, ' ') != NULL)
		return;
	if (strncmp(type, "name ", 5) != 0 && strncmp(type, "keyword ", 8) != 0)
		return;
	c->target_type = copy_part(type, (size_t)(space - type));
	c->target = text_copy(space + 1);
	c->words_valid = true;
}

static int
parse_descriptor(struct command *c, struct err *err)
{
	const char *plus = strchr(c->descriptor, '+');
	size_t name_length = plus != NULL ? (size_t)(plus - c->descriptor) : strlen(c->descriptor);

	if (name_length == 0)
		return err_set(err, EINVAL, "service '%s': name is empty", c->descriptor);
	if (name_length > SERVICE_NAME_MAX)
		return err_set(err, ENAMETOOLONG, "service '%s': name is longer than %d bytes",
			c->descriptor, SERVICE_NAME_MAX);
	if (strchr(c->descriptor, '/') != NULL)
		return err_set(err, EINVAL, "service '%s': not a service name", c->descriptor);
	c->name = copy_part(c->descriptor, name_length);
	if (plus != NULL)
		c->argument = text_copy(plus + 1);
	return 0;
}

/* `line` is what follows "QUBESRPC ". */
static int
parse_rpc(const char *line, struct command *c, struct err *err)
{
	size_t descriptor_length = strcspn(line, " ");
	const char *source = line + descriptor_length + 1;
	size_t source_length;

	if (descriptor_length == 0 || line[descriptor_length] == '\0')
		return err_set(
			err, EINVAL, "service call '%s': needs a service and a source", line);
	source_length = strcspn(source, " ");
	if (source_length == 0)
		return err_set(err, EINVAL, "service call '%s': source is empty", line);

	c->line = text_copy(line);
	c->descriptor = copy_part(line, descriptor_length);
	c->source = copy_part(source, source_length);
	parse_target(source + source_length, c);
	return parse_descriptor(c, err);
}

static int
parse_rest(const char *text, struct command *c, struct err *err)
{
	if (text_starts_with(text, NOGUI_WORD)) {
		c->nogui = true;
		text += strlen(NOGUI_WORD);
	}
	if (!text_starts_with(text, RPC_WORD)) {
		c->shell = text_copy(text);
		return 0;
	}
	text += strlen(RPC_WORD);
	if (text[0] != ' ')
		return err_set(err, EINVAL, "command: no space after " RPC_WORD);
	return parse_rpc(text + 1, c, err);
}

int
command_parse(const char *text, bool with_user, struct command *ret_command, struct err *err)
{
	struct command c = {0};
	const char *colon;

	if (with_user) {
		colon = strchr(text, ':');
		if (colon == NULL)
			return err_set(err, EINVAL, "command: no user");
		c.user = copy_part(text, (size_t)(colon - text));
		text = colon + 1;
	}
	if (parse_rest(text, &c, err) < 0) {
		command_finish(&c);
		return -1;
	}
	*ret_command = c;
	return 0;
}

void
command_finish(struct command *command)
{
	free(command->user);
	free(command->shell);
	free(command->line);
	free(command->descriptor);
	free(command->name);
	free(command->argument);
	free(command->source);
	free(command->target_type);
	free(command->target);
	memset(command, 0, sizeof(*command));
}
