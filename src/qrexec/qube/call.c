/*
 * A call as dom0 ordered it and as the configuration of its service shapes it. Runs in the agent:
 * one place decides about users and options, whoever then starts the program.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "qrexec/qube/agent.h"

static int
load_config(struct call *call, struct err *err)
{
	if (call->command.descriptor == NULL)
		return 0;
	if (rpc_config_load(&call->command, &call->config, err) < 0)
		return -1;
	if (call->config.force_user != NULL && call->config.force_user[0] == '\0')
		return err_set(
			err, EINVAL, "service '%s': force-user is empty", call->command.descriptor);
	return 0;
}

struct call *
call_create(uint32_t type, const struct qrexec_params *params)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct call *call = xcalloc(1, sizeof(*call));

	call->type = type;
	call->domain = params->domain;
	call->port = params->port;
	call->text = text_copy(params->text);
	if (command_parse(params->text, true, &call->command, &err) < 0 ||
		load_config(call, &err) < 0)
		log_error("call: %s", err_message(&err));
	else
		call->valid = true;
	return call;
}

void
call_destroy(struct call *call)
{
	if (call == NULL)
		return;
	free(call->text);
	command_finish(&call->command);
	rpc_config_finish(&call->config);
	free(call);
}

const char *
call_user(const struct call *call)
{
	if (call->config.force_user != NULL)
		return call->config.force_user;
	return call->command.user;
}
