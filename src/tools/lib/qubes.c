/* The list of qubes (qubes.h). What the daemon says is parsed here. */
#include "tools/lib/qubes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/property_value.h"

void
qubes_finish(struct qube_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct qube *q = &list->items[i];

		free(q->name);
		free(q->class);
		free(q->state);
		free(q->uuid);
		for (size_t p = 0; q->values != NULL && p < list->property_count; p++)
			free(q->values[p]);
		free(q->values);
	}
	free(list->items);
	*list = (struct qube_list){0};
}

static bool
is_key(const char *name, const char *key, size_t length)
{
	return strlen(name) == length && memcmp(name, key, length) == 0;
}

/*
 * Where a word KEY=VALUE of the line goes; NULL when it is none of those we know. What every line
 * has comes first: a second uuid is the property of that name.
 */
static char **
word_target(struct qube *q, const char *key, size_t length, const char *const *properties,
	size_t property_count)
{
	const struct {
		const char *key;
		char **target;
	} fixed[] = {{"class", &q->class}, {"state", &q->state}, {"uuid", &q->uuid}};
	char **found = NULL;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (is_key(fixed[i].key, key, length))
			found = fixed[i].target;
	if (found != NULL && *found == NULL)
		return found;
	for (size_t i = 0; i < property_count; i++)
		if (is_key(properties[i], key, length))
			return &q->values[i];
	return found;
}

/* Reads one line into a qube. Words with a key we did not ask for are skipped. */
static bool
parse_line(char *line, const char *const *properties, size_t property_count, struct qube *q)
{
	char *position = line;
	char *word = strsep(&position, " ");

	if (!text_equal(word, "dom0") && !qube_name_valid(word, NULL))
		return false;
	q->name = text_copy(word);
	q->values = xcalloc(property_count + 1, sizeof(*q->values));

	while ((word = strsep(&position, " ")) != NULL) {
		size_t length = strcspn(word, "=");
		char **target;

		if (word[length] != '=')
			return false;
		target = word_target(q, word, length, properties, property_count);
		if (target == NULL)
			continue;
		if (*target != NULL || !property_unescape(word + length + 1))
			return false;
		*target = text_copy(word + length + 1);
	}
	return q->class != NULL && q->state != NULL;
}

static int
compare_qubes(const void *a, const void *b)
{
	return strcmp(((const struct qube *)a)->name, ((const struct qube *)b)->name);
}

int
qubes_parse(const char *text, const char *const *properties, size_t property_count,
	struct qube_list *ret_list, struct err *err)
{
	AUTO_QUBES struct qube_list list = {.property_count = property_count};
	AUTO_FREE char *copy = text_copy(text);
	char *position = copy, *line;
	size_t lines = 1;

	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	list.items = xcalloc(lines, sizeof(*list.items));

	while ((line = strsep(&position, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		list.count++;
		if (!parse_line(line, properties, property_count, &list.items[list.count - 1]))
			return err_set(err, EBADMSG,
				"list of qubes: line %zu: not in the form of the API", list.count);
	}
	qsort(list.items, list.count, sizeof(*list.items), compare_qubes);
	*ret_list = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

/* Takes the values asked for out of one qube's GetAll. */
static int
fill_values(struct qube *q, const char *answer, const char *const *properties,
	size_t property_count, struct err *err)
{
	AUTO_PROPERTIES struct property_list list = {0};

	if (property_list_parse(answer, &list) < 0)
		return err_set(
			err, EBADMSG, "properties of '%s': not in the form of the API", q->name);
	for (size_t i = 0; i < property_count; i++) {
		const struct property_value *found = property_list_find(&list, properties[i]);

		if (found != NULL && !property_value_absent(found))
			q->values[i] = text_copy(found->value);
	}
	return 0;
}

/* The long way, for a daemon without our extension: one call for each qube, all at once. */
static int
load_one_by_one(struct qube_list *ret_list, const char *const *properties, size_t property_count,
	struct err *err)
{
	AUTO_QUBES struct qube_list list = {0};
	AUTO_FREE char *answer = NULL;
	struct admin_call *calls;
	int status = 0;

	if (admin_call("admin.vm.List", NULL, "dom0", NULL, &answer, err) < 0)
		return -1;
	if (qubes_parse(answer, properties, property_count, &list, err) < 0)
		return -1;
	calls = xcalloc(list.count + 1, sizeof(*calls));
	for (size_t i = 0; i < list.count; i++) {
		calls[i].method = "admin.vm.property.GetAll";
		calls[i].destination = list.items[i].name;
	}
	if (property_count > 0)
		admin_calls_run(calls, list.count, -1);
	for (size_t i = 0; property_count > 0 && i < list.count && status == 0; i++) {
		/* A qube removed in between stays without values. */
		if (calls[i].content != NULL)
			status = fill_values(
				&list.items[i], calls[i].content, properties, property_count, err);
		else if (!admin_error_is(&calls[i].err, "QubesVMNotFoundError"))
			status = err_move(err, &calls[i].err);
	}
	admin_calls_free(calls, list.count);
	if (status < 0)
		return -1;
	*ret_list = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

int
qubes_load(struct qube_list *ret_list, const char *const *properties, size_t property_count,
	struct err *err)
{
	AUTO_ERR struct err refusal = ERR_INIT;
	AUTO_FREE char *answer = NULL, *payload = text_copy("");

	if (property_count == 0)
		return load_one_by_one(ret_list, NULL, 0, err);
	for (size_t i = 0; i < property_count; i++) {
		char *longer = text_format("%s%s\n", payload, properties[i]);

		free(payload);
		payload = longer;
	}
	if (admin_call("bulkhead.vm.Overview", NULL, "dom0", payload, &answer, &refusal) == 0)
		return qubes_parse(answer, properties, property_count, ret_list, err);
	/* Another daemon does not know the method; through qrexec a policy may not. */
	if (refusal.kind != NULL || (!admin_is_local() && refusal.code == ENODATA))
		return load_one_by_one(ret_list, properties, property_count, err);
	return err_move(err, &refusal);
}

struct qube *
qubes_find(const struct qube_list *list, const char *name)
{
	struct qube key = {.name = (char *)name};

	if (list->count == 0)
		return NULL;
	return bsearch(&key, list->items, list->count, sizeof(*list->items), compare_qubes);
}

bool
qube_is_halted(const struct qube *q)
{
	return text_equal(q->state, "Halted");
}

bool
qube_is_admin(const struct qube *q)
{
	return text_equal(q->class, "AdminVM");
}
