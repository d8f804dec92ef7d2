/*
 * A running disposable whose content is to be kept after all (docs/disposables.md): from here on
 * its volume is one that saves what the machine has written, whoever settles it, and whenever. Runs
 * in bulkheadd.
 */
#include "admin/storage/operation.h"
#include "base/cleanup.h"

static int
set_saving(struct storage *s, const char *owner, const char *name, bool kept, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s->store,
		"UPDATE volume SET save_on_stop = ?3 WHERE owner = ?1 AND name = ?2"
		" AND removing = 0 AND snap_on_start = 1");

	query_bind_text(q, 1, owner);
	query_bind_text(q, 2, name);
	query_bind_int(q, 3, kept);
	return query_run(q, err);
}

/* Also where nothing was written: what it shows is the content. */
static int
set_written(struct storage *s, const char *owner, const char *name, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(s->store,
		"UPDATE volume_state SET fresh_bytes = 0 WHERE status = 'open' AND volume_id IN"
		" (SELECT id FROM volume WHERE owner = ?1 AND name = ?2 AND removing = 0)");

	query_bind_text(q, 1, owner);
	query_bind_text(q, 2, name);
	return query_run(q, err);
}

int
storage_set_kept(struct storage *s, const char *owner, const char *name, bool kept, struct err *err)
{
	if (set_saving(s, owner, name, kept, err) < 0)
		return -1;
	return kept ? set_written(s, owner, name, err) : 0;
}
