/*
 * qrexec-policy grants: what users answered for longer than once, shown and taken back. Changes
 * the same files as the policy daemon, under the same lock; the daemon notices.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/files.h"
#include "qrexec/policy/grant_list.h"
#include "qrexec/policy/tool.h"

#define LOCK_ATTEMPTS 100
#define LOCK_PAUSE_US 20000

struct grant_files {
	char *directory; /* runtime */
	char *path[2];
	struct grant_list list[2];
};

static int
usage(FILE *out)
{
	fprintf(out, "usage: qrexec-policy grants list\n"
		     "       qrexec-policy grants revoke ID...\n"
		     "       qrexec-policy grants revoke --all\n");
	return out == stdout ? 0 : 2;
}

static void
files_finish(struct grant_files *f)
{
	free(f->directory);
	for (int i = 0; i < 2; i++) {
		free(f->path[i]);
		grant_list_finish(&f->list[i]);
	}
}

/* The first holds grants that end, the second those that do not. */
static int
files_read(struct grant_files *f, struct err *err)
{
	f->directory = root_path(POLICY_RUNTIME_PATH);
	f->path[0] = root_path(POLICY_RUNTIME_PATH "/" POLICY_GRANTS_RUNTIME_FILE);
	f->path[1] = root_path(POLICY_SYSTEM_PATH "/" POLICY_GRANTS_SYSTEM_FILE);
	for (int i = 0; i < 2; i++)
		grant_list_init(&f->list[i]);
	for (int i = 0; i < 2; i++) {
		if (grant_list_read(&f->list[i], f->path[i], i == 1, err) < 0)
			return -1;
	}
	return 0;
}

static char *
format_end(const struct grant *g)
{
	AUTO_FREE char *until = grant_field(g, "until");

	switch (g->term) {
	case GRANT_HOUR:
		return text_format("until %s", until);
	case GRANT_STOP:
		return text_format("until %s stops", g->stops);
	default:
		return text_copy("always");
	}
}

static void
print_grant(const struct grant *g, FILE *out)
{
	AUTO_FREE char *from = grant_field(g, "from");
	AUTO_FREE char *asked = grant_field(g, "asked");
	AUTO_FREE char *to = grant_field(g, "to");
	AUTO_FREE char *given = grant_field(g, "given");
	AUTO_FREE char *end = format_end(g);
	int service = (int)strcspn(g->rule, " \t");
	const char *argument = g->rule + service + strspn(g->rule + service, " \t");
	int argument_length = (int)strcspn(argument, " \t");

	fprintf(out, "%s  %.*s%.*s  %s -> %s", g->id, service, g->rule,
		argument_length > 1 ? argument_length : 0, argument, from[0] != '\0' ? from : "?",
		to[0] != '\0' ? to : "?");
	if (asked[0] != '\0' && !text_equal(asked, to))
		fprintf(out, " (asked for %s)", asked);
	fprintf(out, "  %s%s%s\n", end, given[0] != '\0' ? ", given " : "", given);
}

static int
list_grants(FILE *out, struct err *err)
{
	__attribute__((cleanup(files_finish))) struct grant_files f = {0};
	const struct grant *g;

	if (files_read(&f, err) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		list_for_each (g, &f.list[i].grants, link) {
			/* What has ended is about to be removed. */
			if (g->term != GRANT_HOUR || g->ends_s > grant_clock_s())
				print_grant(g, out);
		}
	}
	return 0;
}

static size_t
take_out(struct grant_list *l, const char *id)
{
	struct grant *g, *following;
	size_t count = 0;

	list_for_each_safe (g, following, &l->grants, link) {
		if (id != NULL && !text_equal(g->id, id))
			continue;
		grant_list_remove(l, g);
		count++;
	}
	return count;
}

/* The daemon believes no file of another user than root and its own. */
static int
write_back(const struct grant_files *f, int file, struct err *err)
{
	struct stat status;

	if (stat(f->path[file], &status) == 0 && status.st_uid != geteuid())
		return err_set(err, EPERM,
			"file '%s': belongs to another user: run this as that one", f->path[file]);
	return grant_list_write(&f->list[file], f->path[file], err);
}

static int
lock(void)
{
	AUTO_FREE char *directory = root_path(POLICY_RUNTIME_PATH);
	int fd = grant_lock(directory, NULL);

	for (int i = 0; fd < 0 && errno == EWOULDBLOCK && i < LOCK_ATTEMPTS; i++) {
		usleep(LOCK_PAUSE_US);
		fd = grant_lock(directory, NULL);
	}
	return fd;
}

/* NULL: all. The number of grants taken out, or -1 with the error. */
static int
revoke_grants(const char *id, struct err *err)
{
	__attribute__((cleanup(files_finish))) struct grant_files f = {0};
	AUTO_FD int fd = lock();
	size_t total = 0;

	if (fd < 0)
		return err_set_errno(err, errno, "grants: cannot lock");
	if (files_read(&f, err) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		size_t count = take_out(&f.list[i], id);

		total += count;
		if (count > 0 && write_back(&f, i, err) < 0)
			return -1;
	}
	if (total == 0 && id != NULL)
		return err_set(err, ENOENT, "grant '%s': there is none", id);
	return (int)total;
}

int
tool_grants(int argc, char **argv, FILE *out)
{
	AUTO_ERR struct err err = ERR_INIT;
	int result = 0;

	if (argc == 2 && text_equal(argv[1], "--help"))
		return usage(stdout);
	if (argc == 2 && text_equal(argv[1], "list")) {
		result = list_grants(out, &err);
	} else if (argc == 3 && text_equal(argv[1], "revoke") && text_equal(argv[2], "--all")) {
		result = revoke_grants(NULL, &err);
	} else if (argc >= 3 && text_equal(argv[1], "revoke")) {
		for (int i = 2; i < argc && result >= 0; i++)
			result = revoke_grants(argv[i], &err);
	} else {
		return usage(stderr);
	}
	if (result >= 0)
		return 0;
	fprintf(stderr, "qrexec-policy: %s\n", err_message(&err));
	return 1;
}
