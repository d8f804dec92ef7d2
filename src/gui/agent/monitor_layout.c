/* The monitors of the host; see monitor_layout.h. */
#include "gui/agent/monitor_layout.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define NUMBERS_MAX 6

/* The numbers of a line; how many, or -1. */
static int
parse_numbers(const char *line, size_t length, uint64_t numbers[NUMBERS_MAX])
{
	int count = 0;

	for (size_t i = 0; i < length;) {
		char word[16] = "";
		size_t size = 0;

		while (i < length && line[i] == ' ')
			i++;
		while (i + size < length && line[i + size] != ' ')
			size++;
		if (size == 0)
			break;
		if (size >= sizeof(word) || count == NUMBERS_MAX)
			return -1;
		memcpy(word, line + i, size);
		if (text_parse_u64(word, MONITOR_SIZE_MAX, &numbers[count++]) < 0)
			return -1;
		i += size;
	}
	return count;
}

static bool
parse_line(const char *line, size_t length, struct monitor *ret)
{
	uint64_t n[NUMBERS_MAX] = {0};
	int count = length <= MONITOR_LINE_MAX ? parse_numbers(line, length, n) : -1;

	if ((count != 4 && count != 6) || n[0] == 0 || n[1] == 0)
		return false;
	*ret = (struct monitor){
		.width = (uint16_t)n[0],
		.height = (uint16_t)n[1],
		.x = (int16_t)n[2],
		.y = (int16_t)n[3],
		.width_mm = (uint32_t)n[4],
		.height_mm = (uint32_t)n[5],
	};
	return true;
}

static void
add(struct monitor_layout *layout, const struct monitor *m)
{
	unsigned int right = (unsigned int)m->x + m->width, bottom = (unsigned int)m->y + m->height;

	if (layout->count == MONITORS_MAX)
		return;
	layout->monitors[layout->count++] = *m;
	if (right > layout->width)
		layout->width = (uint16_t)right;
	if (bottom > layout->height)
		layout->height = (uint16_t)bottom;
}

int
monitor_layout_parse(const char *text, struct monitor_layout *ret_layout, struct err *err)
{
	struct monitor_layout layout = {0};
	int lines = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		struct monitor m;

		if (++lines > MONITOR_LINES_MAX || !parse_line(text, length, &m))
			return err_set(err, EINVAL, "monitor layout: line %d is not one", lines);
		add(&layout, &m);
		text += length + (text[length] == '\n');
	}
	if (layout.count == 0)
		return err_set(err, EINVAL, "monitor layout: there are no monitors");
	*ret_layout = layout;
	return 0;
}
