/* Findings and how they are shown (findings.h). */
#include "tools/doctor/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/encode.h"
#include "tools/lib/options.h"

#define TOPIC_WIDTH 16
#define TEXT_COLUMN (9 + TOPIC_WIDTH)
#define JSON_MAX 65536

static const char *const verdict_names[] = {
	[VERDICT_OK] = "ok",
	[VERDICT_NOTE] = "note",
	[VERDICT_MISSING] = "missing",
};

void
findings_add(struct findings *f, const char *topic, enum verdict verdict, char *found, char *advice)
{
	struct finding *items = reallocarray(f->items, f->count + 1, sizeof(*items)); /* NOLINT */

	if (items == NULL)
		abort();
	items[f->count++] = (struct finding){topic, verdict, found, advice};
	f->items = items;
}

void
findings_finish(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].found);
		free(f->items[i].advice);
	}
	free(f->items);
	*f = (struct findings){0};
}

bool
findings_can_run(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].verdict == VERDICT_MISSING)
			return false;
	return true;
}

void
findings_print(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *item = &f->items[i];

		printf("%-7s  %-*s", verdict_names[item->verdict], TOPIC_WIDTH, item->topic);
		print_wrapped(stdout, item->found, TEXT_COLUMN, TEXT_COLUMN);
		if (item->advice == NULL)
			continue;
		printf("%*s-> ", TEXT_COLUMN, "");
		print_wrapped(stdout, item->advice, TEXT_COLUMN + 3, TEXT_COLUMN + 3);
	}
	puts(findings_can_run(f)
			? "\nQubes can run on this machine."
			: "\nQubes can not run on this machine until what is missing is there.");
}

void
findings_print_json(const struct findings *f)
{
	AUTO_BUF struct buf text;

	buf_init(&text, JSON_MAX);
	buf_printf(
		&text, "{\"can_run\": %s, \"findings\": [", findings_can_run(f) ? "true" : "false");
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *item = &f->items[i];

		buf_printf(&text, "%s\n {\"topic\": \"%s\", \"verdict\": \"%s\", \"found\": ",
			i > 0 ? "," : "", item->topic, verdict_names[item->verdict]);
		encode_json_string(&text, item->found);
		buf_put_string(&text, ", \"advice\": ");
		if (item->advice != NULL)
			encode_json_string(&text, item->advice);
		else
			buf_put_string(&text, "null");
		buf_put_string(&text, "}");
	}
	buf_put_string(&text, "\n]}\n");
	fwrite(buf_data(&text), 1, buf_len(&text), stdout);
}
