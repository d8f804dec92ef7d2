/*
 * The services policy.* of dom0 (spec qrexec.md 6.4), started under the name of one of them. One
 * call a process. The policy has let the caller through; the argument and the payload are its
 * own, and not trusted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/policy/tools/admin.h"
#include "qrexec/policy/tools/input.h"

#define EXIT_REFUSED 1
#define EXIT_INTERNAL 2
#define ANSWER_MAX (POLICY_FILE_MAX_BYTES + 4096u)

/* For a private policy, as the programs of the original have it. */
static void
use_own_directory(struct policy_directories *directories)
{
	const char *path = getenv("QREXEC_POLICY_DIR");

	if (path == NULL || path[0] == '\0')
		return;
	free(directories->path[POLICY_SYSTEM]);
	directories->path[POLICY_SYSTEM] = text_copy(path);
}

/*
 * The text goes to the caller as well: of a service of dom0 nothing else travels. A caller that
 * knows only the exit status ignores it.
 */
static int
fail(const char *service, const struct err *err)
{
	const char *caller = getenv("QREXEC_REMOTE_DOMAIN");
	const char *kind = err->kind != NULL ? err->kind : "PolicyAdminException";

	log_qube_message(LOG_LEVEL_WARNING, caller, "%s: %s %s", service, kind, err_message(err));
	printf("%s %s\n", kind, err->kind != NULL ? err_message(err) : "internal error");
	return err->kind != NULL ? EXIT_REFUSED : EXIT_INTERNAL;
}

static int
run(const char *service, const char *argument, struct err *err)
{
	AUTO_BUF struct buf payload;
	AUTO_BUF struct buf answer;
	struct policy_directories directories;
	struct policy_admin_call call = {
		.service = service,
		.argument = argument,
		.caller = getenv("QREXEC_REMOTE_DOMAIN"),
		.target = getenv("QREXEC_REQUESTED_TARGET"),
	};
	int result;

	buf_init(&payload, POLICY_ADMIN_PAYLOAD_MAX + 1);
	buf_init(&answer, ANSWER_MAX);
	if (input_read_all(STDIN_FILENO, &payload, err) < 0)
		return -1;
	call.payload = (const char *)buf_data(&payload);
	call.payload_size = buf_len(&payload);
	policy_directories_default(&directories);
	use_own_directory(&directories);
	result = policy_admin_run(&directories, &call, &answer, err);
	policy_directories_finish(&directories);
	if (result < 0)
		return -1;
	result = write_all(STDOUT_FILENO, buf_data(&answer), buf_len(&answer));
	return result < 0 ? err_set_errno(err, -result, "answer: cannot write") : 0;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *slash = strrchr(argv[0], '/');
	const char *service = slash != NULL ? slash + 1 : argv[0];

	log_init("policy-admin");
	if (argc > 2 || !policy_admin_knows(service)) {
		fprintf(stderr,
			"usage: one of policy.{List,Get,Replace,Remove,GetFiles,RegisterArgument}, "
			"policy.include.{List,Get,Replace,Remove} [ARGUMENT] < PAYLOAD\n");
		return EXIT_INTERNAL;
	}
	return run(service, argc == 2 ? argv[1] : "", &err) < 0 ? fail(service, &err) : 0;
}
