/*
 * policy.RegisterArgument+SERVICE (spec qrexec.md 6.4): a backend, which is the caller, lets one
 * frontend, which is the target, call one service of it with one argument, as a rule at the end of
 * a file of its own. No rule of shipped policy lets anybody call this. Of the policy itself nothing
 * is told to the caller.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/compiled.h"
#include "qrexec/policy/overlay.h"
#include "qrexec/policy/tools/admin_internal.h"

#define FILE_NAME "60-registered-arguments"
#define ARGUMENT_MAX 64
#define SERVICE_MAX 64
#define CHARACTERS "-._"

/* The payload with a "+" in front, as rules have it; the caller frees it. NULL when it can be none.
 */
static char *
check_argument(const struct policy_admin_call *call)
{
	char *text;

	if (call->payload_size > ARGUMENT_MAX ||
		memchr(call->payload, '\0', call->payload_size) != NULL)
		return NULL;
	text = xcalloc(1, call->payload_size + 2);
	text[0] = '+';
	memcpy(text + 1, call->payload, call->payload_size);
	if (text_only_has(text + 1, CHARACTERS))
		return text;
	free(text);
	return NULL;
}

static int
check_names(const struct policy_admin_call *call, struct err *err)
{
	if (strlen(call->argument) > SERVICE_MAX || !text_only_has(call->argument, CHARACTERS))
		return refuse(err, "Protocol", "invalid name of a service");
	if (call->caller == NULL || !qube_name_valid(call->caller, NULL) || call->target == NULL ||
		!qube_name_valid(call->target, NULL))
		return refuse(err, "Protocol", "expected two qubes, the caller and the target");
	return 0;
}

/* Whether some rule, whatever it says, is for this very service and argument. */
static bool
has_rule(const struct policy *p, const char *service, const char *argument)
{
	uint32_t number = intern_find(&p->services, service, strlen(service));
	struct policy_walk walk;
	uint32_t rule;

	if (number == POLICY_NONE)
		return false;
	policy_walk_start(&walk, p, number);
	while ((rule = policy_walk_next(&walk)) != POLICY_NONE) {
		const struct policy_rule *r = &p->rules[rule];

		if (r->service == number && r->argument != POLICY_NONE &&
			text_equal(intern_text(&p->arguments, r->argument), argument))
			return true;
	}
	return false;
}

/* The policy as it is must be usable: without it nobody knows what is registered. */
static int
check_is_new(const struct work *w, const char *argument, struct err *err)
{
	struct policy *policy = policy_compile_changed(w->directories, NULL);
	int result = 0;

	if (policy_error(policy) != NULL)
		result = err_set(err, EINVAL, "%s", policy_error(policy));
	else if (has_rule(policy, w->call->argument, argument))
		result = refuse(err, "Protocol", "there is a rule for this service and argument");
	policy_unref(policy);
	return result;
}

static int
read_content(const struct admin_file *file, struct buf *content, struct err *err)
{
	AUTO_ERR struct err reason = ERR_INIT;
	AUTO_FREE char *bytes = NULL;
	size_t size = 0;
	int result;

	if (admin_file_read(file, &bytes, &size, &reason) < 0)
		return reason.code == ENOENT ? 0 : err_move(err, &reason);
	result = buf_put(content, bytes, size);
	if (result == 0 && size > 0 && bytes[size - 1] != '\n')
		result = buf_put_u8(content, '\n');
	return result < 0 ? err_set_errno(err, -result, "file '%s'", file->name) : 0;
}

int
admin_run_register(struct work *w, struct err *err)
{
	const struct policy_admin_call *call = w->call;
	AUTO_ADMIN_FILE struct admin_file file = ADMIN_FILE_INIT;
	AUTO_FREE char *argument = check_argument(call);
	AUTO_ERR struct err reason = ERR_INIT;
	AUTO_BUF struct buf content;

	buf_init(&content, POLICY_FILE_MAX_BYTES);
	if (argument == NULL)
		return refuse(err, "Protocol", "invalid argument to register");
	if (check_names(call, err) < 0 || check_is_new(w, argument, err) < 0 ||
		admin_file_open(admin_directory(w), false, FILE_NAME, &file, err) < 0 ||
		read_content(&file, &content, err) < 0)
		return -1;
	if (buf_printf(&content, "%s %s %s %s allow\n", call->argument, argument, call->target,
		    call->caller) < 0)
		return err_set(err, ENOSPC, "file '%s': is full", file.name);
	/* Its text would tell the policy's lines. */
	if (admin_check_policy(
		    w, &file, (const char *)buf_data(&content), buf_len(&content), &reason) < 0)
		return err_set(err, EINVAL, "%s", err_message(&reason));
	return admin_file_write(&file, (const char *)buf_data(&content), buf_len(&content), err);
}
