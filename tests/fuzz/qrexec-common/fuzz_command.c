/* Command strings: parsed or refused, and what is parsed can be looked up without leaving. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qrexec/common/service.h"
#include "qrexec/common/service_tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct command *c, bool with_user)
{
	char **environment;

	assert(with_user == (c->user != NULL));
	assert((c->descriptor == NULL) == (c->shell != NULL));
	if (c->descriptor == NULL)
		return;
	assert(strchr(c->descriptor, '/') == NULL && strchr(c->name, '+') == NULL);
	assert(strlen(c->name) > 0 && strlen(c->name) <= SERVICE_NAME_MAX);
	assert(strlen(c->source) > 0 && strchr(c->source, ' ') == NULL);
	assert((c->target == NULL) == (c->target_type == NULL));
	environment = service_environment(c, NULL);
	assert(environment[0] != NULL);
	free(environment);
}

static void
address(const char *rest, const char *argument)
{
	struct err err = ERR_INIT;
	char *host, *port;

	if (service_tcp_address(rest, argument, &host, &port, &err) == 0) {
		assert(host[0] != '\0' && port[0] != '\0');
		free(host);
		free(port);
	}
	err_clear(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct err err = ERR_INIT;
	struct command command;

	memcpy(text, data, size);
	text[size] = '\0';
	for (int with_user = 0; with_user < 2; with_user++) {
		if (command_parse(text, with_user == 1, &command, &err) == 0) {
			check(&command, with_user == 1);
			address("", command.argument);
			address("/127.0.0.1", command.argument);
			command_finish(&command);
		}
		err_clear(&err);
	}
	address(text[0] == '/' ? text : "", text);
	free(text);
	return 0;
}
