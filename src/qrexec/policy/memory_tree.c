/* The loader over files in memory; see memory_tree.h. */
#include "qrexec/policy/memory_tree.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* The name of a file within a directory ("" is the base), or NULL when it is not directly there. */
static const char *
name_within(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (length > 0) {
		if (strncmp(path, directory, length) != 0 || path[length] != '/')
			return NULL;
		path += length + 1;
	}
	return strchr(path, '/') == NULL ? path : NULL;
}

static int
list_names(void *data, enum policy_directory base, const char *path, struct policy_names *ret,
	struct err *err)
{
	const struct memory_tree *tree = data;
	bool exists = path[0] == '\0';

	for (size_t i = 0; i < tree->count; i++) {
		const char *name = name_within(tree->files[i].path, path);

		if (tree->files[i].base != base || name == NULL)
			continue;
		exists = true;
		policy_names_add(ret, name);
	}
	return exists ? 0 : err_set(err, ENOENT, "directory '%s': does not exist", path);
}

static int
read_text(void *data, enum policy_directory base, const char *path, bool included,
	struct policy_text *ret, struct err *err)
{
	const struct memory_tree *tree = data;

	(void)included;
	for (size_t i = 0; i < tree->count; i++) {
		const struct memory_tree_file *file = &tree->files[i];

		if (file->base != base || !text_equal(file->path, path))
			continue;
		ret->label = text_copy(path);
		ret->bytes = xcalloc(1, file->size + 1);
		if (file->size > 0)
			memcpy(ret->bytes, file->bytes, file->size);
		ret->size = file->size;
		return 0;
	}
	return err_set(err, ENOENT, "file '%s': does not exist", path);
}

struct policy_loader
memory_tree_loader(const struct memory_tree *tree)
{
	/* The callbacks only read. */
	return (struct policy_loader){
		.data = (void *)(uintptr_t)tree, .list = list_names, .read = read_text};
}
