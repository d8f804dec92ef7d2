/* Aligned columns (table.h). */
#include "tools/lib/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TABLE_GAP 2

void
table_init(struct table *t, size_t columns)
{
	*t = (struct table){.columns = columns};
}

void
table_finish(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}

void
table_add(struct table *t, const char *text)
{
	if (t->count == t->capacity) {
		size_t capacity = t->capacity > 0 ? t->capacity * 2 : 64;
		char **cells = reallocarray(t->cells, capacity, sizeof(*cells)); /* NOLINT */

		if (cells == NULL)
			abort();
		t->cells = cells;
		t->capacity = capacity;
	}

	char *cell = text_copy(text);

	for (char *c = cell; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	t->cells[t->count++] = cell;
}

size_t
text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void
table_print(const struct table *t, FILE *to)
{
	size_t *widths = xcalloc(t->columns, sizeof(*widths));

	for (size_t i = 0; i < t->count; i++) {
		size_t width = text_width(t->cells[i]);

		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	for (size_t i = 0; i < t->count; i++) {
		size_t column = i % t->columns;

		fputs(t->cells[i], to);
		if (column + 1 == t->columns || i + 1 == t->count)
			fputc('\n', to);
		else
			fprintf(to, "%*s",
				(int)(widths[column] + TABLE_GAP - text_width(t->cells[i])), "");
	}
	free(widths);
}
