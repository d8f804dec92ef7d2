/*
 * From policy text to rules: which files, in which order, and what they include (spec qrexec.md
 * 5.1 and 5.10). The first error ends it and makes the whole policy unusable.
 */
#include "qrexec/policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

static uint32_t
add_optional_token(struct policy *p, bool given, const struct policy_token *token)
{
	return given ? policy_add_token(p, token) : POLICY_NONE;
}

static uint32_t
add_pattern(struct intern *table, const char *text)
{
	return text_equal(text, "*") ? POLICY_NONE : intern_add(table, text);
}

int
compile_rule(struct compile *c, const struct policy_line *line,
	const struct compile_service *service, uint32_t file, unsigned line_number)
{
	struct policy *p = c->policy;
	struct policy_rule rule = {
		.service = add_pattern(
			&p->services, service != NULL ? service->service : line->service),
		.argument = add_pattern(
			&p->arguments, service != NULL ? service->argument : line->argument),
		.source = policy_add_token(p, &line->source),
		.target = policy_add_token(p, &line->target),
		.redirect = add_optional_token(p, line->has_redirect, &line->redirect),
		.default_target =
			add_optional_token(p, line->has_default_target, &line->default_target),
		.user = line->user != NULL ? intern_add(&p->users, line->user) : POLICY_NONE,
		.file = file,
		.line = line_number,
		.action = line->action,
		.notify = line->notify,
		.autostart = line->autostart,
		.grant = c->grants,
	};

	if (p->rule_count == POLICY_MAX_RULES)
		return err_set(&c->err, E2BIG, "policy: more than %d rules", POLICY_MAX_RULES);
	policy_add_rule(p, &rule);
	return 0;
}

/* A file that takes part in the policy: one the engine reads of its own accord. */
static bool
is_candidate(const char *name)
{
	return name[0] != '.' && text_ends_with(name, ".policy");
}

static int
check_candidate(struct compile *c, const char *name)
{
	for (const char *ch = name; *ch != '\0'; ch++) {
		if ((*ch >= 'A' && *ch <= 'Z') || !text_only_has(name, "_.-")) {
			c->reason = POLICY_REASON_POLICY_LOAD;
			return err_set(&c->err, EINVAL,
				"file '%s': a name of policy has only 0-9 a-z _ . -", name);
		}
	}
	return 0;
}

/* The policy files of a directory, sorted, their names checked. */
static int
list_candidates(struct compile *c, const char *path, struct policy_names *ret)
{
	struct policy_names all = {0};
	int result = c->loader->list(c->loader->data, c->base, path, &all, &c->err);

	for (size_t i = 0; result == 0 && i < all.count; i++) {
		if (!is_candidate(all.names[i]))
			continue;
		result = check_candidate(c, all.names[i]);
		if (result == 0)
			policy_names_add(ret, all.names[i]);
	}
	policy_names_finish(&all);
	policy_names_sort(ret);
	return result;
}

static int
include_directory(struct compile *c, const char *path)
{
	struct policy_names names = {0};
	int result = list_candidates(c, path, &names);

	for (size_t i = 0; result == 0 && i < names.count; i++) {
		AUTO_FREE char *file = path_join(path, names.names[i]);

		result = compile_file(c, file, true, NULL);
	}
	policy_names_finish(&names);
	return result;
}

static int
compile_line(struct compile *c, char *text, size_t length, const struct compile_service *service,
	uint32_t file, unsigned line_number)
{
	enum policy_line_form form = service != NULL ? POLICY_LINE_SERVICE : POLICY_LINE_POLICY;
	struct policy_line line;

	if (policy_line_parse(text, length, form, &line, &c->err) < 0)
		return -1;
	switch (line.kind) {
	case POLICY_LINE_EMPTY:
		return 0;
	case POLICY_LINE_RULE:
		return compile_rule(c, &line, service, file, line_number);
	case POLICY_LINE_INCLUDE:
		return compile_file(c, line.path, true, service);
	case POLICY_LINE_INCLUDE_DIR:
		return include_directory(c, line.path);
	case POLICY_LINE_INCLUDE_SERVICE:
		return compile_file(
			c, line.path, true, &(struct compile_service){line.service, line.argument});
	case POLICY_LINE_COMPAT:
		return compile_legacy(c);
	}
	return -1;
}

static int
compile_text(struct compile *c, struct policy_text *text, const struct compile_service *service)
{
	uint32_t file = intern_add(&c->policy->files, text->label);
	size_t position = 0, length;
	unsigned line_number = 0;
	char *line;

	while (policy_line_next(text->bytes, text->size, &position, &line, &length)) {
		line_number++;
		if (compile_line(c, line, length, service, file, line_number) < 0)
			return err_wrap(&c->err, "%s:%u", text->label, line_number);
	}
	c->last_file = file;
	return 0;
}

int
compile_file(
	struct compile *c, const char *path, bool included, const struct compile_service *service)
{
	struct policy_text text = {0};
	int result;

	if (c->depth == POLICY_MAX_INCLUDE_DEPTH)
		return err_set(&c->err, ELOOP, "include '%s': more than %d files deep", path,
			POLICY_MAX_INCLUDE_DEPTH);
	if (c->files_read++ == POLICY_MAX_FILES)
		return err_set(
			&c->err, E2BIG, "include '%s': more than %d files", path, POLICY_MAX_FILES);
	if (c->loader->read(c->loader->data, c->base, path, included, &text, &c->err) < 0)
		return -1;
	c->bytes_read += text.size;
	c->depth++;
	if (c->bytes_read > POLICY_MAX_BYTES)
		result = err_set(&c->err, E2BIG, "policy: more than %u bytes", POLICY_MAX_BYTES);
	else
		result = compile_text(c, &text, service);
	c->depth--;
	policy_text_finish(&text);
	return result;
}

/* One of the files that both directories together amount to. */
struct top_file {
	const char *name;
	enum policy_directory base;
};

static int
compare_top_files(const void *a, const void *b)
{
	const struct top_file *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (int)x->base - (int)y->base;
}

static int
list_base(struct compile *c, enum policy_directory base, struct policy_names *ret)
{
	c->base = base;
	c->reason = POLICY_REASON_POLICY_LOAD;
	return list_candidates(c, "", ret);
}

static bool
is_grants_file(const char *name)
{
	return text_equal(name, POLICY_GRANTS_RUNTIME_FILE) ||
	       text_equal(name, POLICY_GRANTS_SYSTEM_FILE);
}

/* Both directories in one order; a name in the runtime directory hides the system's. */
static int
compile_top(
	struct compile *c, const struct policy_names *runtime, const struct policy_names *system)
{
	size_t count = runtime->count + system->count;
	AUTO_FREE struct top_file *files = xcalloc(count, sizeof(*files));

	for (size_t i = 0; i < runtime->count; i++)
		files[i] = (struct top_file){runtime->names[i], POLICY_RUNTIME};
	for (size_t i = 0; i < system->count; i++)
		files[runtime->count + i] = (struct top_file){system->names[i], POLICY_SYSTEM};
	qsort(files, count, sizeof(*files), compare_top_files);
	c->reason = POLICY_REASON_POLICY_SYNTAX;
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && text_equal(files[i].name, files[i - 1].name))
			continue;
		c->base = files[i].base;
		c->grants = is_grants_file(files[i].name);
		if (compile_file(c, files[i].name, false, NULL) < 0)
			return -1;
	}
	return 0;
}

struct policy *
policy_compile(const struct policy_loader *loader)
{
	struct compile c = {.loader = loader, .err = ERR_INIT};
	struct policy_names runtime = {0}, system = {0};

	c.policy = xcalloc(1, sizeof(*c.policy));
	c.policy->references = 1;
	if (list_base(&c, POLICY_RUNTIME, &runtime) < 0 ||
		list_base(&c, POLICY_SYSTEM, &system) < 0 ||
		compile_top(&c, &runtime, &system) < 0) {
		c.policy->error = text_copy(err_message(&c.err));
		c.policy->error_reason = c.reason;
	} else {
		policy_index(c.policy);
	}
	policy_names_finish(&runtime);
	policy_names_finish(&system);
	err_clear(&c.err);
	return c.policy;
}
