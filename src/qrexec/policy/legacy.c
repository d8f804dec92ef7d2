/*
 * Policy of the 4.0 form: one file a service, or a service and argument, in a directory of its
 * own (spec qrexec.md 5.10). Read as service files, in an order of their own.
 */
#include "qrexec/policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* A file, its name cut at the first "+". Sorted by service, then argument, without one last. */
struct legacy_file {
	char *service;  /* owned; the argument's place follows in the same text */
	char *argument; /* with its "+", owned; NULL: all arguments */
	const char *name;
};

static bool
is_legacy_file(const char *name)
{
	return name[0] != '.' && text_only_has(name, "+-._") && !text_ends_with(name, ".rpmsave") &&
	       !text_ends_with(name, ".rpmnew") && !text_ends_with(name, ".swp");
}

static int
compare_files(const void *a, const void *b)
{
	const struct legacy_file *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	if (order != 0)
		return order;
	if (x->argument == NULL || y->argument == NULL)
		return (x->argument == NULL) - (y->argument == NULL);
	return strcmp(x->argument, y->argument);
}

static size_t
split_names(const struct policy_names *names, struct legacy_file *files)
{
	size_t count = 0;

	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->names[i], *plus = strchr(name, '+');

		if (!is_legacy_file(name))
			continue;
		files[count] = (struct legacy_file){.name = name, .service = text_copy(name)};
		if (plus != NULL) {
			files[count].service[plus - name] = '\0';
			files[count].argument = text_copy(plus);
		}
		count++;
	}
	qsort(files, count, sizeof(*files), compare_files);
	return count;
}

/* What a file for one argument does not allow is refused: no later rule is asked. */
static int
add_implied_denies(struct compile *c, const struct compile_service *service)
{
	uint32_t file = c->last_file;
	struct policy_line deny = {
		.kind = POLICY_LINE_RULE,
		.source = {POLICY_TOKEN_ANYVM, ""},
		.target = {POLICY_TOKEN_ANYVM, ""},
		.action = POLICY_ACTION_DENY,
		.notify = true,
		.autostart = true,
	};

	if (compile_rule(c, &deny, service, file, 0) < 0)
		return -1;
	deny.target.kind = POLICY_TOKEN_ADMINVM;
	return compile_rule(c, &deny, service, file, 0);
}

static int
compile_legacy_file(struct compile *c, const struct legacy_file *file)
{
	struct compile_service service = {
		.service = file->service,
		.argument = file->argument != NULL ? file->argument : "*",
	};

	if (policy_line_check_service(service.service, service.argument, &c->err) < 0)
		return err_wrap(&c->err, "legacy file '%s'", file->name);
	if (compile_file(c, file->name, false, &service) < 0)
		return -1;
	return file->argument != NULL ? add_implied_denies(c, &service) : 0;
}

int
compile_legacy(struct compile *c)
{
	enum policy_directory base = c->base;
	struct policy_names names = {0};
	AUTO_FREE struct legacy_file *files = NULL;
	size_t count = 0;
	int result;

	c->base = POLICY_LEGACY;
	result = c->loader->list(c->loader->data, c->base, "", &names, &c->err);
	if (result == 0) {
		files = xcalloc(names.count, sizeof(*files));
		count = split_names(&names, files);
	}
	for (size_t i = 0; i < count; i++) {
		if (result == 0)
			result = compile_legacy_file(c, &files[i]);
		free(files[i].service);
		free(files[i].argument);
	}
	policy_names_finish(&names);
	c->base = base;
	return result;
}
