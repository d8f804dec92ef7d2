/* The snapshot of what policy needs to know about the qubes; see facts.h. */
#include "qrexec/policy/facts.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/maybe.h"
#include "qrexec/policy/intern.h"

/* Pairs (qube, number of a tag or type), gathered until the sets can be made. */
struct membership {
	uint32_t qube, text;
};

struct policy_facts {
	unsigned references;
	bool sealed;
	struct policy_qube *qubes;
	size_t count, capacity;
	uint32_t dom0;
	size_t words;
	struct intern keys; /* names and "uuid:..." */
	uint32_t *key_qube; /* by number in keys */
	struct intern tags, types;
	struct membership *tag_members, *type_members;
	size_t tag_member_count, tag_member_capacity;
	size_t type_member_count, type_member_capacity;
	uint64_t *tag_sets, *type_sets; /* words each, by number */
	uint64_t *all, *templates, *empty;
};

struct policy_facts *
policy_facts_create(void)
{
	struct policy_facts *f = xcalloc(1, sizeof(*f));

	f->references = 1;
	f->dom0 = POLICY_NONE;
	return f;
}

struct policy_facts *
policy_facts_ref(struct policy_facts *f)
{
	f->references++;
	return f;
}

void
policy_facts_unref(struct policy_facts *f)
{
	if (f == NULL || --f->references > 0)
		return;
	for (size_t i = 0; i < f->count; i++) {
		free(f->qubes[i].icon);
		free(f->qubes[i].gui_qube);
		free(f->qubes[i].transport);
		free(f->qubes[i].default_dispvm_name);
		free(f->qubes[i].relay_name);
	}
	free(f->qubes);
	intern_finish(&f->keys);
	intern_finish(&f->tags);
	intern_finish(&f->types);
	free(f->key_qube);
	free(f->tag_members);
	free(f->type_members);
	free(f->tag_sets);
	free(f->type_sets);
	free(f->all);
	free(f->templates);
	free(f->empty);
	free(f);
}

static void *
grown(void *array, size_t count, size_t *capacity, size_t element_size)
{
	void *larger;

	if (count < *capacity)
		return array;
	*capacity = *capacity > 0 ? *capacity * 2 : 32;
	larger = xcalloc(*capacity, element_size);
	if (count > 0)
		memcpy(larger, array, count * element_size);
	free(array);
	return larger;
}

static void
add_tag(struct policy_facts *f, const char *tag)
{
	f->tag_members = grown(f->tag_members, f->tag_member_count, &f->tag_member_capacity,
		sizeof(*f->tag_members));
	f->tag_members[f->tag_member_count++] =
		(struct membership){(uint32_t)f->count, intern_add(&f->tags, tag)};
}

static void
add_type(struct policy_facts *f, const char *type)
{
	f->type_members = grown(f->type_members, f->type_member_count, &f->type_member_capacity,
		sizeof(*f->type_members));
	f->type_members[f->type_member_count++] =
		(struct membership){(uint32_t)f->count, intern_add(&f->types, type)};
}

/* A colour that can not be read is only not shown. */
static uint32_t
parse_color(const char *label)
{
	if (label == NULL || !text_starts_with(label, "0x") ||
		strlen(label) != strlen("0xrrggbb") ||
		strspn(label + 2, "0123456789abcdefABCDEF") != strlen("rrggbb"))
		return POLICY_NONE;
	return (uint32_t)strtoul(label, NULL, 16);
}

static int
check_description(const struct policy_qube_description *d, struct err *err)
{
	size_t length = strlen(d->name);

	/* The order of choices rests on names beginning with a letter. */
	if (length > POLICY_QUBE_NAME_MAX || !isalpha((unsigned char)d->name[0]) ||
		!text_only_has(d->name, "_-."))
		return err_set(err, EBADMSG, "qube '%s': not a name", d->name);
	if (d->uuid[0] != '\0' && !uuid_valid(d->uuid))
		return err_set(err, EBADMSG, "qube '%s': UUID '%s' is not one", d->name, d->uuid);
	if (d->type == NULL || d->type[0] == '\0')
		return err_set(err, EBADMSG, "qube '%s': has no type", d->name);
	return 0;
}

int
policy_facts_add(struct policy_facts *f, const struct policy_qube_description *d, struct err *err)
{
	struct policy_qube *q;

	assert(!f->sealed);
	if (f->count == POLICY_MAX_QUBES)
		return err_set(err, E2BIG, "facts: more than %d qubes", POLICY_MAX_QUBES);
	if (check_description(d, err) < 0)
		return -1;
	f->qubes = grown(f->qubes, f->count, &f->capacity, sizeof(*f->qubes));
	q = &f->qubes[f->count];
	*q = (struct policy_qube){
		.icon = text_copy_unless_empty(d->icon),
		.color = parse_color(d->label),
		.gui_qube = text_copy_unless_empty(d->guivm),
		.transport = text_copy_unless_empty(d->transport_rpc),
		.default_dispvm_name = text_copy_unless_empty(d->default_dispvm),
		.relay_name = text_copy_unless_empty(d->relayvm),
		.template_for_dispvms = d->template_for_dispvms,
		.internal = d->internal != NULL && d->internal[0] != '\0',
		.running = d->power_state != NULL && text_equal(d->power_state, "Running"),
		.remote = text_equal(d->type, "RemoteVM"),
	};
	memcpy(q->name, d->name, strlen(d->name) + 1);
	memcpy(q->uuid, d->uuid, strlen(d->uuid) + 1);
	for (size_t i = 0; i < d->tag_count; i++)
		add_tag(f, d->tags[i]);
	add_type(f, d->type);
	f->count++;
	return 0;
}

/* Which qube comes where: qubes are numbered by name, whatever order they came in. */
struct position {
	const char *name;
	uint32_t was;
};

static int
compare_positions(const void *a, const void *b)
{
	return strcmp(((const struct position *)a)->name, ((const struct position *)b)->name);
}

static void
renumber_members(struct membership *members, size_t count, const uint32_t *new_number)
{
	for (size_t i = 0; i < count; i++)
		members[i].qube = new_number[members[i].qube];
}

static void
number_by_name(struct policy_facts *f)
{
	struct position *order = xcalloc(f->count, sizeof(*order));
	struct policy_qube *sorted = xcalloc(f->count, sizeof(*sorted));
	uint32_t *new_number = xcalloc(f->count, sizeof(*new_number));

	for (size_t i = 0; i < f->count; i++)
		order[i] = (struct position){f->qubes[i].name, (uint32_t)i};
	qsort(order, f->count, sizeof(*order), compare_positions);
	for (size_t i = 0; i < f->count; i++) {
		sorted[i] = f->qubes[order[i].was];
		new_number[order[i].was] = (uint32_t)i;
	}
	renumber_members(f->tag_members, f->tag_member_count, new_number);
	renumber_members(f->type_members, f->type_member_count, new_number);
	free(f->qubes);
	f->qubes = sorted;
	free(order);
	free(new_number);
}

static int
add_key(struct policy_facts *f, const char *key, uint32_t qube, struct err *err)
{
	size_t known = f->keys.count;
	uint32_t number = intern_add(&f->keys, key);

	if (number < known)
		return err_set(err, EBADMSG, "facts: two qubes are called '%s'", key);
	f->key_qube[number] = qube;
	return 0;
}

static int
make_keys(struct policy_facts *f, struct err *err)
{
	char key[sizeof("uuid:") + UUID_LENGTH];

	f->key_qube = xcalloc(f->count * 2, sizeof(*f->key_qube));
	for (uint32_t i = 0; i < f->count; i++) {
		if (add_key(f, f->qubes[i].name, i, err) < 0)
			return -1;
		if (f->qubes[i].uuid[0] == '\0')
			continue;
		memcpy(key, "uuid:", 5);
		memcpy(key + 5, f->qubes[i].uuid, UUID_LENGTH + 1);
		if (add_key(f, key, i, err) < 0)
			return -1;
	}
	f->dom0 = policy_facts_find(f, POLICY_DOM0_NAME);
	if (f->dom0 == POLICY_NONE)
		return err_set(err, EBADMSG, "facts: there is no qube '" POLICY_DOM0_NAME "'");
	if (!text_equal(f->qubes[f->dom0].uuid, POLICY_DOM0_UUID))
		return err_set(err, EBADMSG, "facts: the UUID of '" POLICY_DOM0_NAME "' is '%s'",
			f->qubes[f->dom0].uuid);
	return 0;
}

static uint32_t
find_name(const struct policy_facts *f, char **name)
{
	uint32_t qube = *name != NULL ? policy_facts_find(f, *name) : POLICY_NONE;

	free(*name);
	*name = NULL;
	return qube;
}

static void
set_bit(uint64_t *set, uint32_t qube)
{
	set[qube / 64] |= UINT64_C(1) << (qube % 64);
}

static void
make_sets(struct policy_facts *f)
{
	f->words = (f->count + 63) / 64;
	f->all = xcalloc(f->words, sizeof(uint64_t));
	f->templates = xcalloc(f->words, sizeof(uint64_t));
	f->empty = xcalloc(f->words, sizeof(uint64_t));
	f->tag_sets = xcalloc(f->words * f->tags.count, sizeof(uint64_t));
	f->type_sets = xcalloc(f->words * f->types.count, sizeof(uint64_t));
	for (uint32_t i = 0; i < f->count; i++) {
		set_bit(f->all, i);
		if (f->qubes[i].template_for_dispvms)
			set_bit(f->templates, i);
	}
	for (size_t i = 0; i < f->tag_member_count; i++)
		set_bit(f->tag_sets + f->tag_members[i].text * f->words, f->tag_members[i].qube);
	for (size_t i = 0; i < f->type_member_count; i++)
		set_bit(f->type_sets + f->type_members[i].text * f->words, f->type_members[i].qube);
}

int
policy_facts_seal(struct policy_facts *f, struct err *err)
{
	assert(!f->sealed);
	number_by_name(f);
	if (make_keys(f, err) < 0)
		return -1;
	for (size_t i = 0; i < f->count; i++) {
		struct policy_qube *q = &f->qubes[i];

		q->default_dispvm = find_name(f, &q->default_dispvm_name);
		q->relay = find_name(f, &q->relay_name);
	}
	make_sets(f);
	f->sealed = true;
	return 0;
}

size_t
policy_facts_count(const struct policy_facts *f)
{
	return f->count;
}

const struct policy_qube *
policy_facts_qube(const struct policy_facts *f, uint32_t qube)
{
	assert(qube < f->count);
	return &f->qubes[qube];
}

uint32_t
policy_facts_dom0(const struct policy_facts *f)
{
	return f->dom0;
}

uint32_t
policy_facts_find(const struct policy_facts *f, const char *text)
{
	uint32_t key = intern_find(&f->keys, text, strlen(text));

	return key != POLICY_NONE ? f->key_qube[key] : POLICY_NONE;
}

size_t
policy_facts_words(const struct policy_facts *f)
{
	return f->words;
}

const uint64_t *
policy_facts_all(const struct policy_facts *f)
{
	return f->all;
}

const uint64_t *
policy_facts_templates(const struct policy_facts *f)
{
	return f->templates;
}

static const uint64_t *
set_of(const struct policy_facts *f, const struct intern *texts, const uint64_t *sets,
	const char *text)
{
	uint32_t number = intern_find(texts, text, strlen(text));

	return number != POLICY_NONE ? sets + number * f->words : f->empty;
}

const uint64_t *
policy_facts_tagged(const struct policy_facts *f, const char *tag)
{
	return set_of(f, &f->tags, f->tag_sets, tag);
}

const uint64_t *
policy_facts_typed(const struct policy_facts *f, const char *type)
{
	return set_of(f, &f->types, f->type_sets, type);
}
