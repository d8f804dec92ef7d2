/* Calls for several qubes at once (power.h). */
#include "tools/qvm/power.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/report.h"

struct admin_call *
call_chosen(const struct qube_list *list, const char *method, const char *argument, int timeout_ms)
{
	struct admin_call *calls = xcalloc(list->count + 1, sizeof(*calls));
	struct admin_call *packed = xcalloc(list->count + 1, sizeof(*packed));
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].chosen)
			packed[count++] = (struct admin_call){
				.method = method,
				.argument = argument,
				.destination = list->items[i].name,
			};
	admin_calls_run(packed, count, timeout_ms);

	/* The results move to the places of their qubes. */
	count = 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].chosen)
			calls[i] = packed[count++];
	free(packed);
	return calls;
}

int
call_chosen_reporting(
	const struct qube_list *list, const char *method, const char *what, const char *tolerated)
{
	struct admin_call *calls = call_chosen(list, method, NULL, -1);
	int status = TOOL_OK;

	for (size_t i = 0; i < list->count; i++) {
		if (!list->items[i].chosen || calls[i].content != NULL)
			continue;
		if (tolerated != NULL && admin_error_is(&calls[i].err, tolerated))
			continue;
		status = tool_qube_error(what, list->items[i].name, &calls[i].err);
	}
	admin_calls_free(calls, list->count);
	return status;
}
