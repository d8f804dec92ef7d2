/* Notes in the store; see note.h. The text may come from a caller in a qube. */
#include "admin/model/note.h"

#include <errno.h>

#include "admin/model/app.h"
#include "admin/store/store.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"

int
note_get(const struct qube *q, char **ret_text, struct err *err)
{
	AUTO_QUERY struct store_query *query =
		store_query(q->app->store, "SELECT text FROM note WHERE qid = ?");
	int result;

	query_bind_int(query, 1, q->qid);
	result = query_step(query, err);
	if (result < 0)
		return -1;
	*ret_text = text_copy(result > 0 ? query_text(query, 0) : "");
	return 0;
}

char *
note_clean(const char *untrusted_bytes, size_t size, struct err *err)
{
	AUTO_BUF struct buf out;
	size_t length;

	buf_init(&out, NOTE_MAX_BYTES);
	for (size_t i = 0; i < size; i += length) {
		uint32_t c = 0;
		int result;

		length = utf8_decode(untrusted_bytes + i, size - i, &c);
		if (length == 0) {
			err_set_kind(err, "ProtocolError", EILSEQ,
				"Unable to sanitise qube notes: byte %zu is not UTF-8", i);
			return NULL;
		}
		result = utf8_misleads(c) && c != '\n' && c != '\t'
				 ? buf_put_u8(&out, '_')
				 : buf_put(&out, untrusted_bytes + i, length);
		if (result < 0) {
			err_set_kind(err, "ProtocolError", EMSGSIZE,
				"Unable to sanitise qube notes: more than %d bytes",
				NOTE_MAX_BYTES);
			return NULL;
		}
	}
	return buf_len(&out) > 0 ? buf_steal_string(&out) : text_copy("");
}

static int
store_note(const struct qube *q, const char *text, struct err *err)
{
	struct store_query *query =
		text[0] == '\0' ? store_query(q->app->store, "DELETE FROM note WHERE qid = ?")
				: store_query(q->app->store,
					  "INSERT OR REPLACE INTO note (qid, text) VALUES (?, ?)");

	query_bind_int(query, 1, q->qid);
	if (text[0] != '\0')
		query_bind_text(query, 2, text);
	return query_run(query, err);
}

int
note_set(const struct qube *q, const char *untrusted_bytes, size_t size, struct err *err)
{
	AUTO_FREE char *text = note_clean(untrusted_bytes, size, err);

	if (text == NULL || store_begin(q->app->store, err) < 0)
		return -1;
	if (store_note(q, text, err) < 0) {
		store_rollback(q->app->store);
		return -1;
	}
	return store_commit(q->app->store, err);
}
