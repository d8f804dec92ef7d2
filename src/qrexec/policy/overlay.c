/* A change laid over the real directories; see overlay.h. */
#include "qrexec/policy/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

char *
policy_real_directory(const char *path)
{
	char *real = realpath(path, NULL);

	return real != NULL ? real : text_copy(path);
}

static char *
full_path(const struct policy_overlay *o, enum policy_directory base, const char *path)
{
	if (path[0] == '/')
		return text_copy(path);
	return path[0] == '\0' ? text_copy(o->directories->path[base])
			       : path_join(o->directories->path[base], path);
}

/* Whether a path, as an include may write it, leads to the changed file. */
static bool
is_changed_file(const struct policy_overlay *o, const char *full)
{
	AUTO_FREE char *directory = text_copy(full);
	AUTO_FREE char *real = NULL;
	char *slash = strrchr(directory, '/');

	if (slash == NULL || !text_equal(slash + 1, o->name))
		return false;
	*slash = '\0';
	real = policy_real_directory(slash == directory ? "/" : directory);
	return text_equal(real, o->directory);
}

static void
drop_name(struct policy_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (!text_equal(names->names[i], name))
			continue;
		free(names->names[i]);
		names->names[i] = names->names[--names->count];
		return;
	}
}

static int
list_names(void *data, enum policy_directory base, const char *path, struct policy_names *ret,
	struct err *err)
{
	const struct policy_overlay *o = data;
	AUTO_FREE char *full = full_path(o, base, path);
	AUTO_FREE char *real = policy_real_directory(full);
	struct policy_names names = {0};

	if (o->inner.list(o->inner.data, base, path, &names, err) < 0) {
		policy_names_finish(&names);
		return -1;
	}
	if (text_equal(real, o->directory)) {
		drop_name(&names, o->name);
		if (o->bytes != NULL)
			policy_names_add(ret, o->name);
	}
	for (size_t i = 0; i < names.count; i++)
		policy_names_add(ret, names.names[i]);
	policy_names_finish(&names);
	return 0;
}

static int
read_text(void *data, enum policy_directory base, const char *path, bool included,
	struct policy_text *ret, struct err *err)
{
	const struct policy_overlay *o = data;
	AUTO_FREE char *full = full_path(o, base, path);

	if (!is_changed_file(o, full))
		return o->inner.read(o->inner.data, base, path, included, ret, err);
	if (o->bytes == NULL)
		return err_set(err, ENOENT, "file '%s': does not exist", full);
	ret->label = included ? path_join(o->directory, o->name) : text_copy(full);
	ret->bytes = xcalloc(1, o->size + 1);
	if (o->size > 0)
		memcpy(ret->bytes, o->bytes, o->size);
	ret->size = o->size;
	return 0;
}

struct policy *
policy_compile_changed(
	const struct policy_directories *directories, const struct policy_overlay *change)
{
	struct policy_files files;
	struct policy_overlay overlay;
	struct policy_loader loader;
	struct policy *policy;

	policy_files_init(&files, directories);
	loader = policy_files_loader(&files);
	if (change != NULL) {
		overlay = *change;
		overlay.directories = directories;
		overlay.inner = loader;
		loader = (struct policy_loader){
			.data = &overlay, .list = list_names, .read = read_text};
		policy = policy_compile(&loader);
	} else {
		policy = policy_compile(&loader);
	}
	policy_files_finish(&files);
	return policy;
}
