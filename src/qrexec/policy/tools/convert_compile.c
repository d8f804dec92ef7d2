/* Compiling parts of a policy (convert.h): the loader that hides the others. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/tools/convert.h"

/* The file that stands for all others where only the old ones count. */
#define STAND_IN "0.policy"
#define STAND_IN_TEXT "!compat-4.0\n"

struct part_loader {
	const struct policy_loader *inner;
	enum convert_part part;
	const struct conversion *conversion; /* NULL: none */
	bool compatible;
};

static const struct convert_file *
find_file(const struct part_loader *l, enum policy_directory base, const char *path)
{
	for (size_t i = 0; base == POLICY_SYSTEM && l->conversion != NULL; i++) {
		if (i == l->conversion->count)
			return NULL;
		if (text_equal(l->conversion->files[i].name, path))
			return &l->conversion->files[i];
	}
	return NULL;
}

static int
list_part(void *data, enum policy_directory base, const char *path, struct policy_names *ret,
	struct err *err)
{
	struct part_loader *l = data;
	const bool is_top = path[0] == '\0';

	if (is_top && base == POLICY_LEGACY) {
		l->compatible = true;
		if (l->part == CONVERT_MODERN_ONLY)
			return 0;
	} else if (is_top && l->part == CONVERT_LEGACY_ONLY) {
		if (base == POLICY_SYSTEM)
			policy_names_add(ret, STAND_IN);
		return 0;
	}
	if (l->inner->list(l->inner->data, base, path, ret, err) < 0)
		return -1;
	for (size_t i = 0; is_top && base == POLICY_SYSTEM && l->conversion != NULL; i++) {
		if (i == l->conversion->count)
			break;
		if (l->conversion->files[i].before == NULL)
			policy_names_add(ret, l->conversion->files[i].name);
	}
	return 0;
}

static int
read_part(void *data, enum policy_directory base, const char *path, bool included,
	struct policy_text *ret, struct err *err)
{
	struct part_loader *l = data;
	const struct convert_file *file = find_file(l, base, path);
	const char *text = NULL;

	if (l->part == CONVERT_LEGACY_ONLY && base == POLICY_SYSTEM && text_equal(path, STAND_IN))
		text = STAND_IN_TEXT;
	else if (file != NULL)
		text = file->after;
	if (text == NULL)
		return l->inner->read(l->inner->data, base, path, included, ret, err);
	ret->label = text_copy(path);
	ret->size = strlen(text);
	ret->bytes = xcalloc(ret->size + 1, 1);
	memcpy(ret->bytes, text, ret->size);
	return 0;
}

struct policy *
convert_compile(const struct policy_loader *inner, enum convert_part part,
	const struct conversion *conversion, bool *ret_compatible)
{
	struct part_loader loader = {.inner = inner, .part = part, .conversion = conversion};
	const struct policy_loader outer = {.data = &loader, .list = list_part, .read = read_part};
	struct policy *policy = policy_compile(&outer);

	if (ret_compatible != NULL)
		*ret_compatible = loader.compatible;
	return policy;
}
