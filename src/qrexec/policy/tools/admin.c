/* The policy's services; see admin.h. One row a service. */
#include "qrexec/policy/tools/admin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/compiled.h"
#include "qrexec/policy/overlay.h"
#include "qrexec/policy/tools/admin_internal.h"

#define SUFFIX ".policy"
#define TOKEN_ANY "any"
#define TOKEN_NEW "new"
#define TOKEN_PREFIX "sha256:"

enum part {
	NONE,
	REQUIRED,
};

struct service {
	const char *name;
	enum part argument, payload;
	bool include;
	int (*run)(struct work *w, struct err *err);
};

void
policy_admin_token(const void *bytes, size_t size, char ret_token[POLICY_TOKEN_MAX])
{
	char digits[SHA256_DIGEST_STRING_LENGTH];

	(void)snprintf(
		ret_token, POLICY_TOKEN_MAX, TOKEN_PREFIX "%s", SHA256Data(bytes, size, digits));
}

const char *
admin_directory(const struct work *w)
{
	return w->directories->path[POLICY_SYSTEM];
}

static int
put(struct work *w, const char *text, struct err *err)
{
	int result = buf_put_string(w->answer, text);

	return result < 0 ? err_set_errno(err, -result, "answer") : 0;
}

/* The regular files of a directory that a caller may be told of. */
static int
read_names(const char *path, bool include, struct policy_names *ret, struct err *err)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	struct stat status;

	if (directory == NULL && include && errno == ENOENT)
		return 0;
	if (directory == NULL)
		return err_set_errno(err, errno, "directory '%s': cannot open", path);
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.' || entry->d_name[0] == '!' ||
			(!include && !text_ends_with(entry->d_name, SUFFIX)))
			continue;
		if (fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 &&
			S_ISREG(status.st_mode))
			policy_names_add(ret, entry->d_name);
	}
	closedir(directory);
	return 0;
}

static int
run_list(struct work *w, struct err *err)
{
	AUTO_FREE char *path = w->include ? path_join(admin_directory(w), "include")
					  : text_copy(admin_directory(w));
	struct policy_names names = {0};
	int result = read_names(path, w->include, &names, err);

	for (size_t i = 0; i < names.count && !w->include; i++)
		names.names[i][strlen(names.names[i]) - strlen(SUFFIX)] = '\0';
	policy_names_sort(&names);
	for (size_t i = 0; i < names.count && result == 0; i++) {
		result = put(w, names.names[i], err);
		if (result == 0)
			result = put(w, "\n", err);
	}
	policy_names_finish(&names);
	return result;
}

static int
run_get(struct work *w, struct err *err)
{
	AUTO_ADMIN_FILE struct admin_file file = ADMIN_FILE_INIT;
	AUTO_FREE char *bytes = NULL;
	char token[POLICY_TOKEN_MAX];
	size_t size;
	int result;

	if (admin_file_open(admin_directory(w), w->include, w->call->argument, &file, err) < 0 ||
		admin_file_read(&file, &bytes, &size, err) < 0)
		return -1;
	policy_admin_token(bytes, size, token);
	if (put(w, token, err) < 0 || put(w, "\n", err) < 0)
		return -1;
	result = buf_put(w->answer, bytes, size);
	return result < 0 ? err_set_errno(err, -result, "answer") : 0;
}

static bool
is_token(const char *text)
{
	const char *digits = text + strlen(TOKEN_PREFIX);

	if (text_equal(text, TOKEN_ANY) || text_equal(text, TOKEN_NEW))
		return true;
	return text_starts_with(text, TOKEN_PREFIX) &&
	       strlen(digits) == SHA256_DIGEST_STRING_LENGTH - 1 &&
	       strspn(digits, "0123456789abcdef") == strlen(digits);
}

/* Whether the file is as the caller last saw it. */
static int
check_token(const struct admin_file *file, const char *untrusted_token, struct err *err)
{
	AUTO_ERR struct err reason = ERR_INIT;
	AUTO_FREE char *bytes = NULL;
	char token[POLICY_TOKEN_MAX];
	size_t size;
	bool exists = true;

	if (!is_token(untrusted_token))
		return refuse(err, "Protocol", "invalid token");
	if (text_equal(untrusted_token, TOKEN_ANY))
		return 0;
	if (admin_file_read(file, &bytes, &size, &reason) < 0) {
		if (reason.code != ENOENT)
			return err_move(err, &reason);
		exists = false;
	}
	if (text_equal(untrusted_token, TOKEN_NEW))
		return exists ? refuse(err, "Token", "file exists already: %s", file->name) : 0;
	if (!exists)
		return refuse(err, "Token", "file does not exist: %s", file->name);
	policy_admin_token(bytes, size, token);
	if (!text_equal(token, untrusted_token))
		return refuse(err, "Token",
			"file has been changed since it was read: %s; read it again", file->name);
	return 0;
}

int
admin_check_policy(const struct work *w, const struct admin_file *file, const char *bytes,
	size_t size, struct err *err)
{
	const struct policy_overlay change = {
		.directory = file->directory, .name = file->name, .bytes = bytes, .size = size};
	struct policy *policy = policy_compile_changed(w->directories, &change);
	int result = 0;

	if (policy_error(policy) != NULL)
		result = refuse(err, "Syntax", "%s", policy_error(policy));
	policy_unref(policy);
	return result;
}

/* The token in front of the payload; *ret_rest is what follows its line end, NULL without one. */
static int
split_payload(const struct work *w, char ret_token[POLICY_TOKEN_MAX], const char **ret_rest,
	struct err *err)
{
	const char *payload = w->call->payload;
	const char *end = memchr(payload, '\n', w->call->payload_size);
	size_t length = end != NULL ? (size_t)(end - payload) : w->call->payload_size;

	if (length >= POLICY_TOKEN_MAX || memchr(payload, '\0', length) != NULL)
		return refuse(err, "Protocol", "invalid token");
	memcpy(ret_token, payload, length);
	ret_token[length] = '\0';
	*ret_rest = end != NULL ? end + 1 : NULL;
	return 0;
}

static int
run_replace(struct work *w, struct err *err)
{
	AUTO_ADMIN_FILE struct admin_file file = ADMIN_FILE_INIT;
	char token[POLICY_TOKEN_MAX];
	const char *content = NULL;
	size_t size;

	if (split_payload(w, token, &content, err) < 0)
		return -1;
	if (content == NULL)
		return refuse(err, "Protocol", "expected a token, a line end and the content");
	size = w->call->payload_size - (size_t)(content - w->call->payload);
	if (size > POLICY_FILE_MAX_BYTES)
		return refuse(
			err, "Protocol", "content is larger than %u bytes", POLICY_FILE_MAX_BYTES);
	if (admin_file_open(admin_directory(w), w->include, w->call->argument, &file, err) < 0 ||
		check_token(&file, token, err) < 0 ||
		admin_check_policy(w, &file, content, size, err) < 0)
		return -1;
	return admin_file_write(&file, content, size, err);
}

static int
run_remove(struct work *w, struct err *err)
{
	AUTO_ADMIN_FILE struct admin_file file = ADMIN_FILE_INIT;
	AUTO_FREE char *bytes = NULL;
	char token[POLICY_TOKEN_MAX];
	const char *rest = NULL;
	size_t size;

	if (split_payload(w, token, &rest, err) < 0)
		return -1;
	if (rest != NULL)
		return refuse(err, "Protocol", "expected a token and nothing else");
	if (admin_file_open(admin_directory(w), w->include, w->call->argument, &file, err) < 0 ||
		admin_file_read(&file, &bytes, &size, err) < 0 ||
		check_token(&file, token, err) < 0 ||
		admin_check_policy(w, &file, NULL, 0, err) < 0)
		return -1;
	return admin_file_remove(&file, err);
}

/* How GetFiles names a file: a policy file of the directory without its ending, else in full. */
static char *
short_name(const struct work *w, const char *label)
{
	AUTO_FREE char *directory = text_format("%s/", admin_directory(w));
	const char *name = label + strlen(directory);
	char *result;

	if (!text_starts_with(label, directory) || strchr(name, '/') != NULL ||
		!text_ends_with(name, SUFFIX))
		return text_copy(label);
	result = text_copy(name);
	result[strlen(result) - strlen(SUFFIX)] = '\0';
	return result;
}

static int
put_files(struct work *w, const struct policy *policy, struct err *err)
{
	const char *service = w->call->argument;
	uint32_t number = intern_find(&policy->services, service, strlen(service));
	AUTO_FREE bool *told = xcalloc(policy->files.count + 1, sizeof(*told));
	struct policy_walk walk;
	uint32_t rule;

	policy_walk_start(&walk, policy, number);
	while ((rule = policy_walk_next(&walk)) != POLICY_NONE) {
		uint32_t file = policy->rules[rule].file;
		AUTO_FREE char *name = short_name(w, intern_text(&policy->files, file));

		if (told[file])
			continue;
		told[file] = true;
		if (put(w, name, err) < 0 || put(w, "\n", err) < 0)
			return -1;
	}
	return 0;
}

static int
run_get_files(struct work *w, struct err *err)
{
	struct policy *policy;
	int result;

	if (!text_only_has(w->call->argument, "-._"))
		return refuse(err, "Protocol", "invalid name of a service");
	policy = policy_compile_changed(w->directories, NULL);
	if (policy_error(policy) != NULL)
		result = refuse(err, "Syntax", "%s", policy_error(policy));
	else
		result = put_files(w, policy, err);
	policy_unref(policy);
	return result;
}

static const struct service services[] = {
	{"policy.List", NONE, NONE, false, run_list},
	{"policy.Get", REQUIRED, NONE, false, run_get},
	{"policy.Replace", REQUIRED, REQUIRED, false, run_replace},
	{"policy.Remove", REQUIRED, REQUIRED, false, run_remove},
	{"policy.GetFiles", REQUIRED, NONE, false, run_get_files},
	{"policy.RegisterArgument", REQUIRED, REQUIRED, false, admin_run_register},
	{"policy.include.List", NONE, NONE, true, run_list},
	{"policy.include.Get", REQUIRED, NONE, true, run_get},
	{"policy.include.Replace", REQUIRED, REQUIRED, true, run_replace},
	{"policy.include.Remove", REQUIRED, REQUIRED, true, run_remove},
};

static const struct service *
find_service(const char *name)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (text_equal(services[i].name, name))
			return &services[i];
	}
	return NULL;
}

bool
policy_admin_knows(const char *service)
{
	return find_service(service) != NULL;
}

static int
check_parts(const struct service *s, const struct policy_admin_call *call, struct err *err)
{
	if (s->argument == REQUIRED && call->argument[0] == '\0')
		return refuse(err, "Protocol", "expected an argument");
	if (s->argument == NONE && call->argument[0] != '\0')
		return refuse(err, "Protocol", "unexpected argument");
	if (s->payload == REQUIRED && call->payload_size == 0)
		return refuse(err, "Protocol", "expected payload");
	if (s->payload == NONE && call->payload_size > 0)
		return refuse(err, "Protocol", "unexpected payload");
	return 0;
}

/* Held until the descriptor is closed. */
static int
lock_directory(const char *path, struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return err_set_errno(err, errno, "directory '%s': cannot open", path);
	do
		result = flock(fd, LOCK_EX);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return err_set_errno(err, errno, "directory '%s': cannot lock", path);
	return steal_fd(&fd);
}

int
policy_admin_run(const struct policy_directories *directories, const struct policy_admin_call *call,
	struct buf *answer, struct err *err)
{
	const struct service *s = find_service(call->service);
	struct work work = {.directories = directories, .call = call, .answer = answer};
	AUTO_FD int lock = -1;

	if (s == NULL)
		return refuse(err, "Protocol", "no such service: %s", call->service);
	if (check_parts(s, call, err) < 0)
		return -1;
	work.include = s->include;
	lock = lock_directory(admin_directory(&work), err);
	return lock < 0 ? -1 : s->run(&work, err);
}
