/*
 * Texts that a qube sends to dom0's services: the first byte chooses which. What is kept must be
 * what it may be, whatever came.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "services/date_line.h"
#include "services/image_source.h"
#include "tools/services/feature_rules.h"
#include "tools/services/image.h"
#include "tools/services/menu.h"
#include "tools/services/menu_write.h"
#include "tools/services/updates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_requests(const uint8_t *data, size_t size)
{
	static const struct feature features[] = {
		{"gui", ""}, {"supported-rpc.a", "1"}, {"boot-mode.name.a", "A"}};
	static struct feature_requests requests;
	struct feature_rules rules = {.requests = &requests,
		.has_template = size > 0 && (data[0] & 1) != 0,
		.features = features,
		.feature_count = 3};
	char *text = malloc(size + 1);

	assert(text != NULL);
	memcpy(text, data, size);
	if (requests_parse(text, size, &requests) == 0) {
		feature_rules_run(&rules);
		for (size_t i = 0; i < rules.change_count; i++) {
			const struct feature_change *c = &rules.changes[i];

			assert(text_only_has(c->name, "._-"));
			assert(c->kind != CHANGE_SET || text_only_has(c->value, "-.,_= "));
			assert(!rules.has_template || text_starts_with(c->name, "supported-rpc."));
		}
		feature_rules_finish(&rules);
	}
	free(text);
}

/* What was kept is read again to the same; a file of it has the lines that it has to have. */
static void
fuzz_menu(const uint8_t *data, size_t size)
{
	const struct menu_qube qube = {.name = "work", .source = "work"};
	AUTO_MENU struct menu menu = {0}, again = {0};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf text, same;

	if (menu_parse((const char *)data, size, &menu, &err) < 0)
		return;
	buf_init(&text, 1 << 20);
	buf_init(&same, 1 << 20);
	assert(menu_format(&menu, &text) == 0);
	assert(menu_parse((const char *)buf_data(&text), buf_len(&text), &again, &err) == 0);
	assert(menu_format(&again, &same) == 0 && buf_len(&same) == buf_len(&text));
	assert(buf_len(&text) == 0 ||
		memcmp(buf_data(&same), buf_data(&text), buf_len(&text)) == 0);
	for (size_t i = 0; i < menu.count; i++) {
		AUTO_FREE char *entry = menu_entry_text(&qube, &menu.programs[i], "/icon.png");
		const char *exec = strstr(entry, "\nExec=");

		assert(exec != NULL && strstr(exec + 1, "\nExec=") == NULL);
		assert(text_starts_with(
			exec, "\nExec=qvm-run -q -a --service -- work qubes.StartApp+"));
		for (const char *c = entry; *c != '\0'; c++)
			assert(*c == '\n' || (*c >= ' ' && *c <= '~' && *c != '%' && *c != '\\'));
	}
}

/* Of a name that is let through, nothing leads out of the directories of icons. */
static void
fuzz_image_source(const uint8_t *data, size_t size)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct image_source source;
	char *line = malloc(size + 1);

	assert(line != NULL);
	memcpy(line, data, size);
	line[size] = '\0';
	if (image_source_parse(line, &source, &err) == 0) {
		assert(source.kind != IMAGE_ICON ||
			(source.name[0] != '\0' && source.name[0] != '.' && source.name[0] != '-' &&
				text_only_has(source.name, "+._-")));
		assert(source.kind != IMAGE_FILE || source.name[0] == '/');
		assert(source.kind == IMAGE_FOLLOWS || source.format == NULL);
	}
	image_format_detect(data, size);
	free(line);
}

static void
fuzz_rest(const uint8_t *data, size_t size)
{
	struct timespec time;
	struct image image;
	bool any;

	if (image_parse(data, size, ICON_SIDE_MAX, ICON_SIDE_MAX, &image) == 0)
		assert(image.pixels + (size_t)image.width * image.height * 4 == data + size);
	if (update_count_parse((const char *)data, size, &any) == 0)
		assert(size > 0 && size <= UPDATE_COUNT_MAX_BYTES);
	if (date_line_parse((const char *)data, size, &time) == 0)
		assert(size == DATE_LINE_BYTES || size == DATE_LINE_LONG_BYTES);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0]) {
	case 'f':
		fuzz_requests(data + 1, size - 1);
		break;
	case 'm':
		fuzz_menu(data + 1, size - 1);
		break;
	case 's':
		fuzz_image_source(data + 1, size - 1);
		break;
	default:
		fuzz_rest(data + 1, size - 1);
	}
	return 0;
}
