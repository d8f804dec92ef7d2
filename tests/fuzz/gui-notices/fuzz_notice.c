/* Notifications of a qube: what is let through is a notice again, and cleaning it changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "gui/daemon/title.h"
#include "gui/notices/notice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct notice notice, again;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf in, out;

	title_init();
	buf_init(&in, 4 * NOTICE_RECORD_MAX);
	buf_init(&out, NOTICE_RECORD_MAX);
	if (buf_put(&in, data, size) < 0)
		return 0;
	while (notice_take(&in, &notice, &err) > 0) {
		notice_clean(&notice);
		if (notice_put(&out, &notice) < 0 || notice_take(&out, &again, &err) != 1)
			abort();
		notice_clean(&again);
		if (strcmp(again.untrusted_summary, notice.untrusted_summary) != 0 ||
			strcmp(again.untrusted_body, notice.untrusted_body) != 0)
			abort();
		free(notice_without_markup(again.untrusted_body));
	}
	return 0;
}
