/* What qvm-ls shows of qubes (ls_data.h). */
#include "tools/qvm/ls_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"

bool
name_set_find(const struct name_set *set, const char *name, size_t *ret_index)
{
	for (size_t i = 0; i < set->count; i++) {
		if (!text_equal(set->items[i], name))
			continue;
		*ret_index = i;
		return true;
	}
	return false;
}

size_t
name_set_add(struct name_set *set, const char *name)
{
	size_t index;

	if (name_set_find(set, name, &index))
		return index;

	char **items = reallocarray(set->items, set->count + 1, sizeof(*items)); /* NOLINT */

	if (items == NULL)
		abort();
	items[set->count] = text_copy(name);
	set->items = items;
	return set->count++;
}

void
name_set_finish(struct name_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->items[i]);
	free(set->items);
	*set = (struct name_set){0};
}

int
ls_data_load(struct ls_data *d, struct err *err)
{
	return qubes_load(
		&d->qubes, (const char *const *)d->properties.items, d->properties.count, err);
}

/* A failure that is an answer: the feature is not set, or the qube went away meanwhile. */
static bool
is_no(const struct err *err)
{
	return admin_error_is(err, "QubesFeatureNotFoundError") ||
	       admin_error_is(err, "QubesVMNotFoundError");
}

/*
 * Calls a method for each chosen qube and each argument (one call with NULL when there are none).
 * ret_values[qube * arguments + argument] becomes the content, or stays NULL for a "no".
 */
static int
ask_chosen(const struct qube_list *qubes, const char *method, const struct name_set *arguments,
	char **ret_values, struct err *err)
{
	const size_t each = arguments != NULL ? arguments->count : 1;
	struct admin_call *calls = xcalloc(qubes->count * each + 1, sizeof(*calls));
	size_t *places = xcalloc(qubes->count * each + 1, sizeof(*places));
	size_t count = 0;
	int status = 0;

	for (size_t i = 0; i < qubes->count; i++)
		for (size_t a = 0; qubes->items[i].chosen && a < each; a++) {
			calls[count].method = method;
			calls[count].argument = arguments != NULL ? arguments->items[a] : NULL;
			calls[count].destination = qubes->items[i].name;
			places[count++] = i * each + a;
		}
	admin_calls_run(calls, count, -1);
	for (size_t i = 0; i < count && status == 0; i++) {
		ret_values[places[i]] = steal_ptr(calls[i].content);
		if (ret_values[places[i]] == NULL && !is_no(&calls[i].err))
			status = err_move(err, &calls[i].err);
	}
	free(places);
	admin_calls_free(calls, count);
	return status;
}

/* "mem=KIB ..." of admin.vm.CurrentState. */
static uint64_t
parse_memory(const char *state)
{
	uint64_t kib;

	if (state == NULL || !text_starts_with(state, "mem="))
		return 0;

	AUTO_FREE char *number = text_format("%.*s", (int)strcspn(state + 4, " "), state + 4);

	return text_parse_u64(number, UINT64_MAX, &kib) == 0 ? kib : 0;
}

static int
load_memory(struct ls_data *d, struct err *err)
{
	char **states = xcalloc(d->qubes.count + 1, sizeof(*states));
	int status = ask_chosen(&d->qubes, "admin.vm.CurrentState", NULL, states, err);

	d->memory_kib = xcalloc(d->qubes.count + 1, sizeof(*d->memory_kib));
	for (size_t i = 0; i < d->qubes.count; i++) {
		d->memory_kib[i] = parse_memory(states[i]);
		free(states[i]);
	}
	free(states);
	return status;
}

int
ls_data_load_details(struct ls_data *d, struct err *err)
{
	const size_t count = d->qubes.count;

	d->feature_values = xcalloc(count * d->features.count + 1, sizeof(*d->feature_values));
	d->tags = xcalloc(count + 1, sizeof(*d->tags));
	if (d->features.count > 0 && ask_chosen(&d->qubes, "admin.vm.feature.Get", &d->features,
					     d->feature_values, err) < 0)
		return -1;
	if (d->need_tags && ask_chosen(&d->qubes, "admin.vm.tag.List", NULL, d->tags, err) < 0)
		return -1;
	if (d->need_memory && load_memory(d, err) < 0)
		return -1;
	return d->need_volumes ? volumes_load(&d->volumes, &d->qubes, false, err) : 0;
}

void
ls_data_finish(struct ls_data *d)
{
	for (size_t i = 0; d->feature_values != NULL && i < d->qubes.count * d->features.count; i++)
		free(d->feature_values[i]);
	for (size_t i = 0; d->tags != NULL && i < d->qubes.count; i++)
		free(d->tags[i]);
	free(d->feature_values);
	free(d->tags);
	free(d->memory_kib);
	volumes_finish(&d->volumes);
	qubes_finish(&d->qubes);
	name_set_finish(&d->properties);
	name_set_finish(&d->features);
}

const char *
ls_data_property(const struct ls_data *d, size_t qube, const char *name)
{
	size_t index;

	return name_set_find(&d->properties, name, &index) ? d->qubes.items[qube].values[index]
							   : NULL;
}

const char *
ls_data_feature(const struct ls_data *d, size_t qube, const char *name)
{
	size_t index;

	if (d->feature_values == NULL || !name_set_find(&d->features, name, &index))
		return NULL;
	return d->feature_values[qube * d->features.count + index];
}

bool
ls_data_has_tag(const struct ls_data *d, size_t qube, const char *tag)
{
	const char *line = d->tags != NULL ? d->tags[qube] : NULL;

	while (line != NULL && *line != '\0') {
		size_t length = strcspn(line, "\n");

		if (length == strlen(tag) && memcmp(line, tag, length) == 0)
			return true;
		line += length + (line[length] == '\n');
	}
	return false;
}

const char *
ls_data_volume(const struct ls_data *d, size_t qube, const char *volume)
{
	for (size_t i = 0; i < d->volumes.count; i++)
		if (d->volumes.items[i].qube == &d->qubes.items[qube] &&
			text_equal(d->volumes.items[i].name, volume))
			return d->volumes.items[i].info;
	return NULL;
}
