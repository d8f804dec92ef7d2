/* The texts of a notification, made fit to be shown; see notice.h. */
#include <string.h>

#include "gui/daemon/title.h"
#include "gui/notices/notice.h"

#define LINE_MAX 1000

/*
 * Line by line, because the end of a line is the one control that may stay. Empty lines stay
 * between others only, so that a second cleaning finds nothing to do.
 */
static void
clean_body(char body[NOTICE_BODY_MAX + 1])
{
	char clean[NOTICE_BODY_MAX + 1], line[LINE_MAX + 1];
	const char *at = body;
	size_t used = 0, ends = 0;

	for (int lines = 0; *at != '\0' && lines < NOTICE_LINES_MAX; lines++) {
		size_t length = strcspn(at, "\n");

		title_filter(at, length < LINE_MAX ? length : LINE_MAX, true, line);
		for (; line[0] != '\0' && ends > 0; ends--)
			clean[used++] = '\n';
		memcpy(clean + used, line, strlen(line));
		used += strlen(line);
		ends += used > 0;
		at += length;
		at += *at == '\n';
	}
	clean[used] = '\0';
	memcpy(body, clean, used + 1);
}

void
notice_clean(struct notice *n)
{
	char summary[NOTICE_SUMMARY_MAX + 1];

	title_filter(n->untrusted_summary, NOTICE_SUMMARY_MAX, true, summary);
	memcpy(n->untrusted_summary, summary, sizeof(summary));
	clean_body(n->untrusted_body);
}
