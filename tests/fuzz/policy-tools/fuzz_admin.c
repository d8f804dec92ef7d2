/*
 * The policy's services with any argument and payload, on a policy that parses: it parses after
 * every call, nothing appears outside of its directory, and what a refusal leaves is unchanged.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/overlay.h"
#include "qrexec/policy/tools/admin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const services[] = {"policy.List", "policy.Get", "policy.Replace",
	"policy.Remove", "policy.GetFiles", "policy.include.List", "policy.include.Get",
	"policy.include.Replace", "policy.include.Remove", "policy.RegisterArgument"};

static char root[] = "/tmp/bulkhead-fuzz-admin-XXXXXX";
static struct policy_directories directories;
static size_t calls;

static void
clean_up(void)
{
	(void)remove_tree(root, NULL);
	policy_directories_finish(&directories);
}

static void
put_file(const char *name, const char *text)
{
	AUTO_FREE char *path = path_join(directories.path[POLICY_SYSTEM], name);

	if (write_file(path, text, strlen(text), 0644, NULL) < 0)
		abort();
}

static void
make_policy(void)
{
	AUTO_FREE char *include = path_join(directories.path[POLICY_SYSTEM], "include");

	if (remove_tree(directories.path[POLICY_SYSTEM], NULL) < 0 ||
		make_directories(include, 0755, NULL) < 0)
		abort();
	put_file("30-user.policy", "s * a b allow\n");
	put_file("90-more.policy", "!include-service t * include/x\n");
	put_file("include/x", "a b allow\n");
}

static void
set_up(void)
{
	if (mkdtemp(root) == NULL)
		abort();
	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < POLICY_DIRECTORIES; i++) {
		directories.path[i] = text_format("%s/%zu", root, i);
		if (make_directories(directories.path[i], 0755, NULL) < 0)
			abort();
	}
	make_policy();
	atexit(clean_up);
}

static void
check_policy(void)
{
	struct policy *p = policy_compile_changed(&directories, NULL);

	if (policy_error(p) != NULL)
		abort();
	policy_unref(p);
}

/* Only the three directories that were made. */
static void
check_outside(void)
{
	DIR *directory = opendir(root);
	size_t count = 0;

	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	if (count != POLICY_DIRECTORIES + 2)
		abort();
}

/* One byte for the service, the argument and its NUL, the payload. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf answer = {0};
	AUTO_FREE char *argument = NULL;
	AUTO_FREE char *payload = NULL;
	const uint8_t *end;
	size_t length;

	if (calls == 0)
		set_up();
	if (calls++ % 50 == 0)
		make_policy();
	if (size < 2 || (end = memchr(data + 1, 0, size - 1)) == NULL)
		return 0;
	length = (size_t)(end - data) - 1;
	argument = text_format("%.*s", (int)length, (const char *)data + 1);
	payload = xcalloc(1, size);
	memcpy(payload, end + 1, size - length - 2);
	const struct policy_admin_call call = {
		.service = services[data[0] % (sizeof(services) / sizeof(services[0]))],
		.argument = argument,
		.payload = payload,
		.payload_size = size - length - 2};

	buf_init(&answer, POLICY_FILE_MAX_BYTES + 4096);
	if (policy_admin_run(&directories, &call, &answer, &err) < 0 && err.kind == NULL)
		abort(); /* a fault of the system, which there is none of here */
	check_policy();
	check_outside();
	return 0;
}
