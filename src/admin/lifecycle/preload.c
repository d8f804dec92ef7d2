/* Spare machines; see preload.h and preload_room.h. Runs in bulkheadd. */
#include "admin/lifecycle/preload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/lifecycle/boot.h"
#include "admin/lifecycle/frozen.h"
#include "admin/lifecycle/frozen_key.h"
#include "admin/lifecycle/memory.h"
#include "admin/lifecycle/preload_room.h"
#include "admin/lifecycle/run.h"
#include "base/cleanup.h"
#include "base/host_swap.h"
#include "base/log.h"
#include "base/path.h"

#define NOTE "spare"
#define NOTE_MAX ((size_t)1 << 20)

void
lifecycle_start_spare(struct lifecycle *l, struct qube *q, lifecycle_done done, void *data)
{
	lifecycle_start(l, q, done, data);
	lifecycle_set_spare(l, q, true);
}

void
lifecycle_set_spare(struct lifecycle *l, const struct qube *q, bool is_spare)
{
	struct run *run = run_find(l, q);

	if (run != NULL)
		run->is_spare = is_spare;
}

bool
lifecycle_is_idle(const struct lifecycle *l)
{
	const struct run *run;

	list_for_each (run, &l->runs, link) {
		if (run->phase != RUN_UP)
			return false;
	}
	return true;
}

bool
lifecycle_is_starting(const struct lifecycle *l, const struct qube *except)
{
	const struct run *run;

	list_for_each (run, &l->runs, link) {
		if (run->phase < RUN_UP && run->q != except)
			return true;
	}
	return false;
}

bool
lifecycle_has_spare_memory(const struct lifecycle *l, uint64_t memory_mib)
{
	return memory_is_spare(l, memory_mib);
}

bool
lifecycle_awaits_frozen(struct lifecycle *l, const struct qube *template)
{
	return frozen_is_awaited(l, template);
}

char *
lifecycle_describe_start(struct lifecycle *l, const struct qube *q, struct err *err)
{
	return frozen_key(l, q, q->name, err);
}

bool
lifecycle_is_traceless_still(const struct lifecycle *l, const struct qube *q)
{
	const struct run *run = run_find(l, q);
	AUTO_FREE char *swap = NULL;

	if (run == NULL || !run->is_ephemeral)
		return true;
	swap = host_swap_in_clear();
	return swap == NULL;
}

static char *
note_path(const struct qube *q)
{
	AUTO_FREE char *directory = qube_run_directory(q);

	return path_join(directory, NOTE);
}

int
lifecycle_note_spare(struct lifecycle *l, const struct qube *q, const char *text, struct err *err)
{
	AUTO_FREE char *path = note_path(q);

	(void)l;
	if (text != NULL)
		return write_file(path, text, strlen(text), 0600, err);
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	return err_set_errno(err, errno, "'%s': cannot be removed", path);
}

char *
lifecycle_spare_note(const struct lifecycle *l, const struct qube *q)
{
	AUTO_FREE char *path = note_path(q);
	char *text;
	size_t size;

	(void)l;
	return read_file(path, NOTE_MAX, &text, &size, NULL) < 0 ? NULL : text;
}

bool
preload_make_room(struct lifecycle *l, uint64_t missing_mib)
{
	struct run *run, *following;
	bool is_coming = false;
	uint64_t given = 0;

	/* Those that are on their way out first: they need not be asked. */
	list_for_each (run, &l->runs, link) {
		if (run->is_spare && run->doomed) {
			given += run->record.memory_kib / 1024;
			is_coming = true;
		}
	}
	list_for_each_safe (run, following, &l->runs, link) {
		if (given >= missing_mib)
			break;
		if (!run->is_spare || run->doomed)
			continue;
		log_qube_message(LOG_LEVEL_INFO, run->q->name,
			"was kept ready and is ended: its memory is needed");
		given += run->record.memory_kib / 1024;
		is_coming = true;
		run_tear_down(run);
	}
	return is_coming;
}
