/* Test vectors' files on disk; see vector_tree.h. */
#include "vector_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#define MAX_BYTES (8u << 20)

static const char *const base_names[POLICY_DIRECTORIES] = {
	[POLICY_RUNTIME] = "run",
	[POLICY_SYSTEM] = "etc",
	[POLICY_LEGACY] = "legacy",
};

/* Puts the root where the text says ${ROOT}. */
static char *
expand_root(const char *text, const char *root)
{
	static const char variable[] = "${ROOT}";
	AUTO_BUF struct buf out;
	const char *next;

	buf_init(&out, MAX_BYTES);
	while ((next = strstr(text, variable)) != NULL) {
		buf_put(&out, text, (size_t)(next - text));
		buf_put_string(&out, root);
		text = next + strlen(variable);
	}
	buf_put_string(&out, text);
	return buf_steal_string(&out);
}

static int
base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

static void
decode_base64(const char *text, struct buf *out)
{
	unsigned value = 0, bits = 0;

	for (; base64_digit(*text) >= 0; text++) {
		value = value << 6 | (unsigned)base64_digit(*text);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_put_u8(out, (uint8_t)(value >> bits));
		}
	}
}

static int
write_bytes(const char *path, const void *data, size_t size, struct err *err)
{
	FILE *file = fopen(path, "we");
	size_t written;

	if (file == NULL)
		return err_set_errno(err, errno, "'%s'", path);
	written = fwrite(data, 1, size, file);
	if (fclose(file) != 0 || written != size)
		return err_set(err, EIO, "'%s': cannot write", path);
	return 0;
}

static int
make_parent(const char *path, struct err *err)
{
	AUTO_FREE char *parent = text_copy(path);

	*strrchr(parent, '/') = '\0';
	return make_directories(parent, 0755, err);
}

static int
create_object(const char *path, const char *root, const json_t *value, struct err *err)
{
	const json_t *base64 = json_object_get(value, "base64");
	const json_t *target = json_object_get(value, "symlink");

	if (json_is_true(json_object_get(value, "absent")))
		return rmdir(path) < 0 ? err_set_errno(err, errno, "'%s'", path) : 0;
	if (json_is_true(json_object_get(value, "dir")))
		return make_directories(path, 0755, err);
	if (target != NULL) {
		AUTO_FREE char *text = expand_root(json_string_value(target), root);

		return symlink(text, path) < 0 ? err_set_errno(err, errno, "'%s'", path) : 0;
	}
	if (base64 != NULL) {
		AUTO_BUF struct buf bytes;

		buf_init(&bytes, MAX_BYTES);
		decode_base64(json_string_value(base64), &bytes);
		return write_bytes(path, buf_data(&bytes), buf_len(&bytes), err);
	}
	return err_set(err, EINVAL, "'%s': a kind of entry that is not known", path);
}

static int
create_entry(const char *root, const char *name, const json_t *value, struct err *err)
{
	AUTO_FREE char *path = path_join(root, name);

	if (make_parent(path, err) < 0)
		return -1;
	if (json_is_string(value)) {
		AUTO_FREE char *text = expand_root(json_string_value(value), root);

		return write_bytes(path, text, strlen(text), err);
	}
	return create_object(path, root, value, err);
}

int
vector_tree_create(json_t *policy, struct vector_tree *ret, struct err *err)
{
	char root[] = "/tmp/policy-vectors-XXXXXX";
	const char *name;
	json_t *value;

	if (mkdtemp(root) == NULL)
		return err_set_errno(err, errno, "'%s'", root);
	ret->root = realpath(root, NULL);
	for (size_t i = 0; i < POLICY_DIRECTORIES; i++) {
		ret->directories.path[i] = path_join(ret->root, base_names[i]);
		mkdir(ret->directories.path[i], 0755);
	}
	json_object_foreach(policy, name, value)
	{
		if (create_entry(ret->root, name, value, err) < 0)
			return -1;
	}
	return 0;
}

void
vector_tree_destroy(struct vector_tree *tree)
{
	if (tree->root != NULL)
		remove_tree(tree->root, NULL);
	free(tree->root);
	policy_directories_finish(&tree->directories);
}
