/* Titles, cut to what a message holds; see title.h. */
#include "gui/agent/title.h"

#include <stdbool.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define ELLIPSIS_BYTES 3

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void
title_cut(char ret_title[GUI_TITLE_BYTES], const char *text, size_t size)
{
	size_t length = strnlen(text, size), end = GUI_TITLE_BYTES - 1 - ELLIPSIS_BYTES;

	memset(ret_title, 0, GUI_TITLE_BYTES);
	if (length < GUI_TITLE_BYTES) {
		memcpy(ret_title, text, length);
		return;
	}
	while (end > 0 && is_continuation(text[end]))
		end--;
	memcpy(ret_title, text, end);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the rest is cleared above */
	memcpy(ret_title + end, ELLIPSIS, ELLIPSIS_BYTES);
}
