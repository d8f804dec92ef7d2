/* Interned texts: open addressing, linear probing, FNV-1a; see intern.h. */
#include "qrexec/policy/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/facts.h"

#define FIRST_SLOTS 64

static uint32_t
hash_text(const char *text, size_t length)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619u;
	return hash;
}

/* The slot that holds the text, or the free one where it would go. */
static size_t
find_slot(const struct intern *table, const char *text, size_t length)
{
	size_t mask = table->slot_count - 1;
	size_t slot = hash_text(text, length) & mask;

	while (table->slots[slot] != 0) {
		const char *held = table->texts[table->slots[slot] - 1];

		if (strncmp(held, text, length) == 0 && held[length] == '\0')
			break;
		slot = (slot + 1) & mask;
	}
	return slot;
}

static void
grow_slots(struct intern *table)
{
	size_t slot_count = table->slot_count > 0 ? table->slot_count * 2 : FIRST_SLOTS;

	free(table->slots);
	table->slots = xcalloc(slot_count, sizeof(*table->slots));
	table->slot_count = slot_count;
	for (size_t i = 0; i < table->count; i++) {
		size_t slot = find_slot(table, table->texts[i], strlen(table->texts[i]));

		table->slots[slot] = (uint32_t)i + 1;
	}
}

static void
grow_texts(struct intern *table)
{
	size_t capacity = table->capacity > 0 ? table->capacity * 2 : FIRST_SLOTS;
	char **texts = xcalloc(capacity, sizeof(*texts));

	if (table->count > 0)
		memcpy(texts, table->texts, table->count * sizeof(*texts));
	free(table->texts);
	table->texts = texts;
	table->capacity = capacity;
}

uint32_t
intern_add(struct intern *table, const char *text)
{
	uint32_t number = intern_find(table, text, strlen(text));

	if (number != POLICY_NONE)
		return number;
	if (table->count == table->capacity)
		grow_texts(table);
	if (table->count * 2 >= table->slot_count)
		grow_slots(table);
	number = (uint32_t)table->count;
	table->slots[find_slot(table, text, strlen(text))] = number + 1;
	table->texts[table->count++] = text_copy(text);
	return number;
}

uint32_t
intern_find(const struct intern *table, const char *text, size_t length)
{
	if (table->slot_count == 0)
		return POLICY_NONE;
	/* 0 (a free slot) becomes POLICY_NONE. */
	return table->slots[find_slot(table, text, length)] - 1;
}

const char *
intern_text(const struct intern *table, uint32_t number)
{
	return table->texts[number];
}

void
intern_finish(struct intern *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->texts[i]);
	free(table->texts);
	free(table->slots);
	*table = (struct intern){0};
}
