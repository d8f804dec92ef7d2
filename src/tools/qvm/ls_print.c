/* The forms of qvm-ls (ls_print.h). */
#include "tools/qvm/ls_print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/encode.h"
#include "tools/lib/table.h"

#define JSON_MAX ((size_t)256 << 20)
#define TREE_CORNER "\xe2\x94\x94\xe2\x94\x80"

/* One line of the output. */
struct line {
	size_t qube;  /* index in the list */
	char *key;    /* what is sorted by; owned */
	size_t level; /* depth in the tree */
};

static int
compare_numbers(const char *left, const char *right)
{
	double a = strtod(left, NULL), b = strtod(right, NULL);

	return (a > b) - (a < b);
}

static int
compare_lines(const void *a, const void *b, void *data)
{
	const struct ls_view *v = data;
	const struct line *left = a, *right = b;
	int order;

	if (v->sort != NULL && column_is_numeric(v->sort))
		order = compare_numbers(left->key, right->key);
	else if (v->ignore_case)
		order = strcasecmp(left->key, right->key);
	else
		order = strcmp(left->key, right->key);
	if (order == 0)
		order = (left->qube > right->qube) - (left->qube < right->qube);
	return v->reverse ? -order : order;
}

/* Lines for the chosen qubes, sorted. The caller frees keys and array. */
static struct line *
make_lines(const struct ls_view *v, size_t *ret_count)
{
	const struct qube_list *qubes = &v->data->qubes;
	struct line *lines = xcalloc(qubes->count + 1, sizeof(*lines));
	size_t count = 0;

	for (size_t i = 0; i < qubes->count; i++) {
		if (!qubes->items[i].chosen)
			continue;
		lines[count].qube = i;
		lines[count].key = v->sort != NULL ? column_value(v->sort, v->data, i)
						   : text_copy(qubes->items[i].name);
		if (lines[count].key == NULL)
			lines[count].key = text_copy("");
		count++;
	}
	qsort_r(lines, count, sizeof(*lines), compare_lines, (void *)v);
	*ret_count = count;
	return lines;
}

/* Whether the line's netvm is itself among the lines: then it stands under that. */
static bool
has_parent(const struct ls_view *v, const struct line *line)
{
	const char *netvm = ls_data_property(v->data, line->qube, "netvm");
	const struct qube *found = netvm != NULL ? qubes_find(&v->data->qubes, netvm) : NULL;

	return found != NULL && found->chosen;
}

/* Moves the lines below `parent` (NULL: those without one) from `from` to `to`, depth first. */
static void
move_children(const struct ls_view *v, const char *parent, size_t level, struct line *from,
	size_t count, struct line *to, size_t *moved)
{
	for (size_t i = 0; i < count; i++) {
		struct line *line = &from[i];
		const char *name = v->data->qubes.items[line->qube].name;
		const bool child =
			parent == NULL
				? !has_parent(v, line)
				: text_is(ls_data_property(v->data, line->qube, "netvm"), parent);

		if (line->key == NULL || !child)
			continue;
		to[*moved] = (struct line){line->qube, steal_ptr(line->key), level};
		(*moved)++;
		move_children(v, name, level + 1, from, count, to, moved);
	}
}

/* The same lines in the order of the tree. A loop of netvms, which no daemon allows, is cut. */
static struct line *
make_tree(const struct ls_view *v, struct line *lines, size_t count)
{
	struct line *tree = xcalloc(count + 1, sizeof(*tree));
	size_t moved = 0;

	move_children(v, NULL, 0, lines, count, tree, &moved);
	for (size_t i = 0; i < count; i++)
		if (lines[i].key != NULL)
			tree[moved++] = lines[i];
	free(lines);
	return tree;
}

static bool
is_name_column(const struct column *c)
{
	return text_equal(c->header, "NAME");
}

/* The cell as shown; the name is indented in a tree. Never NULL. */
static char *
cell_text(const struct ls_view *v, const struct column *c, const struct line *line)
{
	char *value = column_value(c, v->data, line->qube);

	if (value == NULL)
		return text_copy("-");
	if (line->level == 0 || !is_name_column(c))
		return value;

	char *indented =
		text_format("%*s%s%s", (int)(2 * (line->level - 1)), "", TREE_CORNER, value);

	free(value);
	return indented;
}

static void
print_table(const struct ls_view *v, const struct line *lines, size_t count)
{
	AUTO_TABLE struct table table;

	table_init(&table, v->columns->count);
	for (size_t c = 0; c < v->columns->count; c++)
		table_add(&table, v->columns->items[c].header);
	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; c < v->columns->count; c++) {
			AUTO_FREE char *cell = cell_text(v, &v->columns->items[c], &lines[i]);

			table_add(&table, cell);
		}
	table_print(&table, stdout);
}

static void
print_raw_data(const struct ls_view *v, const struct line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; c < v->columns->count; c++) {
			AUTO_FREE char *cell = cell_text(v, &v->columns->items[c], &lines[i]);

			for (char *at = cell; *at != '\0'; at++)
				if (*at == '\n')
					*at = ' ';
			printf("%s%c", cell, c + 1 < v->columns->count ? '|' : '\n');
		}
}

static void
print_json_object(const struct ls_view *v, const struct line *line, struct buf *to)
{
	buf_put_string(to, "{");
	for (size_t c = 0; c < v->columns->count; c++) {
		AUTO_FREE char *value = column_value(&v->columns->items[c], v->data, line->qube);

		buf_put_string(to, c > 0 ? ", " : "");
		encode_json_string(to, v->columns->items[c].property);
		buf_put_string(to, ": ");
		if (value != NULL)
			encode_json_string(to, value);
		else
			buf_put_string(to, "null");
	}
	buf_put_string(to, "}");
}

static void
print_json(const struct ls_view *v, const struct line *lines, size_t count)
{
	AUTO_BUF struct buf text;

	buf_init(&text, JSON_MAX);
	buf_put_string(&text, "[");
	for (size_t i = 0; i < count; i++) {
		buf_put_string(&text, i > 0 ? ",\n " : "\n ");
		print_json_object(v, &lines[i], &text);
	}
	buf_put_string(&text, count > 0 ? "\n]\n" : "]\n");
	fwrite(buf_data(&text), 1, buf_len(&text), stdout);
}

void
ls_print(const struct ls_view *v)
{
	size_t count;
	struct line *lines = make_lines(v, &count);

	if (v->tree)
		lines = make_tree(v, lines, count);
	switch (v->form) {
	case LS_TABLE:
		print_table(v, lines, count);
		break;
	case LS_RAW_DATA:
		print_raw_data(v, lines, count);
		break;
	case LS_RAW_LIST:
		for (size_t i = 0; i < count; i++)
			puts(v->data->qubes.items[lines[i].qube].name);
		break;
	case LS_JSON:
		print_json(v, lines, count);
		break;
	}
	for (size_t i = 0; i < count; i++)
		free(lines[i].key);
	free(lines);
}
