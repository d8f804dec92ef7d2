/* The columns of qvm-ls (ls_columns.h): one row of a table for each that is computed. */
#include "tools/qvm/ls_columns.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/maybe.h"
#include "base/text.h"

#define MIB ((uint64_t)1 << 20)

enum need { NEED_NOTHING, NEED_MEMORY, NEED_VOLUMES };

struct column_kind {
	const char *header;
	char *(*value)(const struct ls_data *d, size_t qube, const struct column_kind *kind);
	const char *help;
	enum need need;
	const char *properties; /* separated by spaces */
	const char *features;
	const char *volume, *key; /* of a column about a volume */
};

static const struct format {
	const char *name, *fields;
} formats[] = {
	{"simple", "name,state,class,label,template,netvm"},
	{"network", "name,state,netvm,ip,ipback,gateway"},
	{"kernel", "name,state,class,template,kernel,kernelopts"},
	{"full", "name,state,class,label,qid,xid,uuid"},
	{"prefs", "name,label,template,netvm,vcpus,initialmem,maxmem,virt_mode"},
	{"disk", "name,state,disk,priv-curr,priv-max,priv-used,root-curr,root-max,root-used"},
};

static char *
value_name(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	return text_copy(d->qubes.items[qube].name);
}

static char *
value_state(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	return text_copy(d->qubes.items[qube].state);
}

static char *
value_class(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	return text_copy(d->qubes.items[qube].class);
}

static char *
value_uuid(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	return text_copy_unless_empty(d->qubes.items[qube].uuid);
}

/* For a column that formats have and that nothing stands behind any more. */
static char *
value_none(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	return NULL;
}

/* A value under another name than its property's. */
static char *
value_property(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	return text_copy_unless_empty(ls_data_property(d, qube, kind->properties));
}

static char *
value_gateway(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	const char *netvm = ls_data_property(d, qube, "netvm");
	const struct qube *found = netvm != NULL ? qubes_find(&d->qubes, netvm) : NULL;

	if (found == NULL)
		return NULL;
	return text_copy_unless_empty(
		ls_data_property(d, (size_t)(found - d->qubes.items), "gateway"));
}

static char *
value_memory(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	if (qube_is_halted(&d->qubes.items[qube]) || d->memory_kib[qube] == 0)
		return NULL;
	return text_format("%" PRIu64, d->memory_kib[qube] / 1024);
}

static char *
value_disk(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	uint64_t usage = 0;
	bool any = false;

	for (size_t i = 0; i < d->volumes.count; i++) {
		if (d->volumes.items[i].qube != &d->qubes.items[qube])
			continue;
		usage += volume_info_number(d->volumes.items[i].info, "usage");
		any = true;
	}
	return any ? text_format("%" PRIu64, usage / MIB) : NULL;
}

static char *
value_volume_mib(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	const char *info = ls_data_volume(d, qube, kind->volume);

	return info != NULL ? text_format("%" PRIu64, volume_info_number(info, kind->key) / MIB)
			    : NULL;
}

static char *
value_volume_percent(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	const char *info = ls_data_volume(d, qube, kind->volume);
	uint64_t size = info != NULL ? volume_info_number(info, "size") : 0;

	if (size == 0)
		return NULL;
	return text_format(
		"%.0f%%", (double)volume_info_number(info, "usage") * 100 / (double)size);
}

static char *
value_volume_pool(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	const char *info = ls_data_volume(d, qube, kind->volume);

	return info != NULL ? volume_info_value(info, "pool") : NULL;
}

/* The letter of a word in a table of "Word" and letter; `other` when it is not there. */
static char
letter_of(const char *word, const char *const *words, const char *letters, char other)
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (text_equal(words[i], word))
			return letters[i];
	return other;
}

static char
type_letter(const struct ls_data *d, size_t qube)
{
	static const char *const classes[] = {
		"AdminVM", "AppVM", "DispVM", "StandaloneVM", "TemplateVM", NULL};
	char letter = letter_of(d->qubes.items[qube].class, classes, "0adst", '-');

	if (text_is(ls_data_property(d, qube, "virt_mode"), "hvm"))
		return (char)toupper((unsigned char)letter);
	return letter;
}

static char
state_letter(const struct ls_data *d, size_t qube)
{
	static const char *const states[] = {"Halted", "Running", "Transient", "Paused",
		"Suspended", "Halting", "Dying", "Crashed", NULL};

	return letter_of(d->qubes.items[qube].state, states, "-rtpshdc", '?');
}

static char *
value_flags(const struct ls_data *d, size_t qube, const struct column_kind *kind)
{
	static const struct {
		const char *property;
		char letter;
	} flags[] = {
		{"updateable", 'U'},
		{"provides_network", 'N'},
		{"installed_by_rpm", 'R'},
		{NULL, 'i'},
		{"debug", 'D'},
		{"autostart", 'A'},
	};
	const char *internal = ls_data_feature(d, qube, "internal");
	char text[9] = {type_letter(d, qube), state_letter(d, qube)};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		const bool set =
			flags[i].property != NULL
				? text_is(ls_data_property(d, qube, flags[i].property), "True")
				: internal != NULL && *internal != '\0';

		text[2 + i] = set ? flags[i].letter : '-';
	}
	return text_copy(text);
}

static const struct column_kind kinds[] = {
	{"NAME", value_name, "name of the qube"},
	{"STATE", value_state, "power state"},
	{"CLASS", value_class, "class of the qube"},
	{"DISK", value_disk, "space that all volumes take, in MiB", NEED_VOLUMES},
	{"FLAGS", value_flags,
		"eight letters: class (0 a d s t; upper case: hvm), state (r t p s h d c -), U can "
		"be "
		"updated, N gives network, R installed by a package, i internal, D debug, A "
		"autostart",
		NEED_NOTHING,
		"virt_mode updateable provides_network installed_by_rpm debug autostart",
		"internal"},
	{"GATEWAY", value_gateway, "address of the netvm", NEED_NOTHING, "netvm gateway"},
	{"IPBACK", value_none, "nothing; kept for those who read the format"},
	{"UUID", value_uuid, "the name that never changes"},
	{"INITIALMEM", value_property, "memory at start, in MiB", NEED_NOTHING, "memory"},
	{"MEMORY", value_memory, "memory now, in MiB", NEED_MEMORY},
	{"PRIV-CURR", value_volume_mib, "space the private volume takes, in MiB", NEED_VOLUMES,
		.volume = "private", .key = "usage"},
	{"PRIV-MAX", value_volume_mib, "size of the private volume, in MiB", NEED_VOLUMES,
		.volume = "private", .key = "size"},
	{"PRIV-USED", value_volume_percent, "the first as a part of the second", NEED_VOLUMES,
		.volume = "private"},
	{"PRIV-POOL", value_volume_pool, "pool of the private volume", NEED_VOLUMES,
		.volume = "private"},
	{"ROOT-CURR", value_volume_mib, "space the root volume takes, in MiB", NEED_VOLUMES,
		.volume = "root", .key = "usage"},
	{"ROOT-MAX", value_volume_mib, "size of the root volume, in MiB", NEED_VOLUMES,
		.volume = "root", .key = "size"},
	{"ROOT-USED", value_volume_percent, "the first as a part of the second", NEED_VOLUMES,
		.volume = "root"},
	{"ROOT-POOL", value_volume_pool, "pool of the root volume", NEED_VOLUMES, .volume = "root"},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const char *
format_fields(const char *format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (text_equal(formats[i].name, format))
			return formats[i].fields;
	return NULL;
}

/* "priv_max" as a header: "PRIV-MAX". */
static char *
header_of(const char *field)
{
	char *header = text_copy(field);

	for (char *c = header; *c != '\0'; c++)
		*c = *c == '_' ? '-' : (char)toupper((unsigned char)*c);
	return header;
}

static char *
property_of(const char *field)
{
	char *property = text_copy(field);

	for (char *c = property; *c != '\0'; c++)
		*c = *c == '-' ? '_' : (char)tolower((unsigned char)*c);
	return property;
}

static void
column_init(struct column *c, const char *field)
{
	*c = (struct column){.header = header_of(field), .property = property_of(field)};
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (text_equal(kinds[i].header, c->header))
			c->kind = &kinds[i];
}

void
columns_parse(struct column_set *ret_set, const char *fields)
{
	AUTO_FREE char *copy = text_copy(fields);
	char *position = copy, *field;

	ret_set->items = xcalloc(strlen(fields) + 1, sizeof(*ret_set->items));
	ret_set->count = 0;
	while ((field = strsep(&position, ",")) != NULL)
		if (*field != '\0')
			column_init(&ret_set->items[ret_set->count++], field);
}

void
columns_finish(struct column_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free(set->items[i].header);
		free(set->items[i].property);
	}
	free(set->items);
	*set = (struct column_set){0};
}

static void
add_words(struct name_set *set, const char *words)
{
	while (words != NULL && *words != '\0') {
		size_t length = strcspn(words, " ");
		AUTO_FREE char *word = text_format("%.*s", (int)length, words);

		name_set_add(set, word);
		words += length;
		words += strspn(words, " ");
	}
}

void
columns_need(const struct column_set *set, struct ls_data *d)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct column_kind *kind = set->items[i].kind;

		if (kind == NULL) {
			name_set_add(&d->properties, set->items[i].property);
			continue;
		}
		add_words(&d->properties, kind->properties);
		add_words(&d->features, kind->features);
		d->need_memory = d->need_memory || kind->need == NEED_MEMORY;
		d->need_volumes = d->need_volumes || kind->need == NEED_VOLUMES;
	}
}

char *
column_value(const struct column *c, const struct ls_data *d, size_t qube)
{
	if (c->kind != NULL)
		return c->kind->value(d, qube, c->kind);
	return text_copy_unless_empty(ls_data_property(d, qube, c->property));
}

bool
column_is_numeric(const struct column *c)
{
	static const char *const numeric[] = {"MEMORY", "DISK", "PRIV-CURR", "PRIV-MAX",
		"ROOT-CURR", "ROOT-MAX", "XID", "MAXMEM", "QREXEC-TIMEOUT", "SHUTDOWN-TIMEOUT",
		"VCPUS", "PRIV-USED", "ROOT-USED"};

	for (size_t i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++)
		if (text_equal(numeric[i], c->header))
			return true;
	return false;
}

const struct column *
columns_find(const struct column_set *set, const char *name)
{
	AUTO_FREE char *header = header_of(name);

	for (size_t i = 0; i < set->count; i++)
		if (text_equal(set->items[i].header, header))
			return &set->items[i];
	return NULL;
}

void
print_column_help(void)
{
	puts("Columns:");
	for (size_t i = 0; i < KIND_COUNT; i++) {
		printf("  %-10s  ", kinds[i].header);
		print_wrapped(stdout, kinds[i].help, 14, 14);
	}
	puts("\nEvery other name is that of a property; qvm-prefs --help-properties explains "
	     "them.");
}

void
print_format_help(void)
{
	puts("Formats:");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		AUTO_FREE char *header = header_of(formats[i].fields);

		printf("  %-8s  %s\n", formats[i].name, header);
	}
}
