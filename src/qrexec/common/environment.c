/*
 * The environment of what a call starts, protocol section 4.5. Nothing that the agent or a client
 * was told about another call may leak into this one: variables that begin with QREXEC are
 * dropped first.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/common/service.h"

#define OWN_VARIABLES_MAX 8

static bool
is_inherited(const char *variable)
{
	return !text_starts_with(variable, "QREXEC") ||
	       text_starts_with(variable, "QREXEC_SERVICE_PATH=") ||
	       text_starts_with(variable, "QREXEC_AGENT_PID=");
}

static bool
is_replaced(const char *variable, const char *const *extra)
{
	size_t name_length = strcspn(variable, "=");

	for (size_t i = 0; extra[i] != NULL; i++)
		if (strncmp(extra[i], variable, name_length + 1) == 0)
			return true;
	return false;
}

static size_t
count(const char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

char **
program_environment(char *const *base, const char *const *extra)
{
	static const char *const none[] = {NULL};
	const char *const *inherited = (const char *const *)(base != NULL ? base : environ);
	const char *const *own = extra != NULL ? extra : none;
	size_t total = 0;
	size_t slots = count(inherited) + count(own) + 1;
	size_t used = 0;
	char **result;
	char *text;

	for (size_t i = 0; inherited[i] != NULL; i++)
		total += strlen(inherited[i]) + 1;
	for (size_t i = 0; own[i] != NULL; i++)
		total += strlen(own[i]) + 1;
	result = xcalloc(1, slots * sizeof(*result) + total);
	text = (char *)(result + slots);

	for (size_t i = 0; inherited[i] != NULL; i++) {
		if (!is_inherited(inherited[i]) || is_replaced(inherited[i], own))
			continue;
		result[used++] = text;
		text = stpcpy(text, inherited[i]) + 1;
	}
	for (size_t i = 0; own[i] != NULL; i++) {
		result[used++] = text;
		text = stpcpy(text, own[i]) + 1;
	}
	return result;
}

char **
service_environment(const struct command *command, char *const *base)
{
	const char *type = command->target_type != NULL ? command->target_type : "";
	bool keyword = text_equal(type, "keyword");
	char *own[OWN_VARIABLES_MAX] = {NULL};
	char **result;
	size_t n = 0;

	own[n++] = text_format("QREXEC_REMOTE_DOMAIN=%s", command->source);
	own[n++] = text_format("QREXEC_SERVICE_FULL_NAME=%s", command->descriptor);
	if (command->argument != NULL)
		own[n++] = text_format("QREXEC_SERVICE_ARGUMENT=%s", command->argument);
	own[n++] = text_format("QREXEC_REQUESTED_TARGET_TYPE=%s", type);
	if (command->target != NULL)
		own[n++] = text_format(
			"QREXEC_REQUESTED_TARGET%s=%s", keyword ? "_KEYWORD" : "", command->target);

	result = program_environment(base, (const char *const *)own);
	while (n > 0)
		free(own[--n]);
	return result;
}
