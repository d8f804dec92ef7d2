/* qrexec-policy explain --what-if: the policy in force against the same with a change. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/overlay.h"
#include "qrexec/policy/tool.h"
#include "qrexec/policy/what_if.h"

#define SUFFIX ".policy"

/* The change: a directory in place of the system's, or one file in it. */
struct change {
	struct policy_directories directories;
	struct policy_overlay overlay;
	bool is_file;
	char *directory, *name, *bytes; /* owned, of the overlay */
};

static void
change_finish(struct change *c)
{
	policy_directories_finish(&c->directories);
	free(c->directory);
	free(c->name);
	free(c->bytes);
}

/* Where in the policy a file is to be: NAME, or a path below the system's directory. */
static int
place_file(struct change *c, const char *path, const char *place, struct err *err)
{
	const char *base = strrchr(path, '/');
	AUTO_FREE char *full = NULL;
	char *slash;

	if (place == NULL)
		place = base != NULL ? base + 1 : path;
	if (strchr(place, '/') == NULL && !text_ends_with(place, SUFFIX))
		return err_set(err, EINVAL,
			"file '%s': name it as the policy will have it, with --as NAME" SUFFIX,
			path);
	full = path_join(c->directories.path[POLICY_SYSTEM], place);
	slash = strrchr(full, '/');
	c->name = text_copy(slash + 1);
	*slash = '\0';
	c->directory = policy_real_directory(full);
	return 0;
}

static int
change_init(struct change *c, const struct explain_options *options, struct err *err)
{
	const char *path = options->what_if;
	struct stat status;
	size_t size;

	if (stat(path, &status) < 0)
		return err_set_errno(err, errno, "'%s'", path);
	if (S_ISDIR(status.st_mode)) {
		free(c->directories.path[POLICY_SYSTEM]);
		c->directories.path[POLICY_SYSTEM] = text_copy(path);
		return 0;
	}
	if (place_file(c, path, options->place, err) < 0 ||
		read_file(path, POLICY_FILE_MAX_BYTES, &c->bytes, &size, err) < 0)
		return -1;
	c->is_file = true;
	c->overlay = (struct policy_overlay){
		.directory = c->directory, .name = c->name, .bytes = c->bytes, .size = size};
	return 0;
}

struct policy *
tool_read_changed_policy(const struct explain_options *options, struct err *err)
{
	struct change change = {0};
	struct policy *policy = NULL;

	tool_find_directories(options->policy_directory, &change.directories);
	if (change_init(&change, options, err) == 0)
		policy = policy_compile_changed(
			&change.directories, change.is_file ? &change.overlay : NULL);
	change_finish(&change);
	return policy;
}

static void
print_counts(const struct what_if_counts *counts, FILE *out)
{
	if (counts->changed == 0) {
		fprintf(out, "no call would be decided differently\n");
		return;
	}
	fprintf(out,
		"%zu call%s would be decided differently: %zu newly allowed, %zu newly asked, %zu "
		"newly refused, %zu otherwise\n",
		counts->changed, counts->changed != 1 ? "s" : "", counts->allowed, counts->asked,
		counts->refused, counts->otherwise);
}

static int
compare(struct policy *before, struct policy *after, struct policy_facts *facts, bool all,
	FILE *out)
{
	struct policy_view *a, *b;
	struct what_if_counts counts;

	if (policy_error(before) != NULL)
		fprintf(out, "now every call is refused: %s\n", policy_error(before));
	if (policy_error(after) != NULL) {
		fprintf(out, "every call would be refused: %s\n", policy_error(after));
		return WHAT_IF_BROKEN;
	}
	a = policy_view_create(before, facts);
	b = policy_view_create(after, facts);
	what_if_compare(a, b, all, out, &counts);
	print_counts(&counts, out);
	policy_view_unref(a);
	policy_view_unref(b);
	return counts.changed > 0 ? WHAT_IF_DIFFERENT : WHAT_IF_SAME;
}

int
tool_what_if(const struct explain_options *options, FILE *out, struct err *err)
{
	struct policy_facts *facts = tool_read_facts(options->system_info, err);
	struct policy *before = NULL, *after = NULL;
	struct policy_directories directories;
	int result = -1;

	if (facts == NULL)
		return -1;
	after = tool_read_changed_policy(options, err);
	if (after != NULL) {
		tool_find_directories(options->policy_directory, &directories);
		before = policy_compile_changed(&directories, NULL);
		policy_directories_finish(&directories);
		result = compare(before, after, facts, options->all, out);
		policy_unref(before);
		policy_unref(after);
	}
	policy_facts_unref(facts);
	return result;
}
