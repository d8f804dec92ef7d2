/*
 * The store's tables, as the steps that made them. A step that has been released is never
 * changed: what comes later is a new step at the end. Each step runs in its own transaction.
 */
#include "admin/store/schema.h"

/*
 * Objects of the model.
 *
 * property.qid 0 is dom0, -1 the global object. A value that is NULL is the property's "none".
 * feature.position keeps the order of insertion.
 */
static const char step_model[] =
	"CREATE TABLE label ("
	"  position INTEGER PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE,"
	"  color INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE qube ("
	"  qid INTEGER PRIMARY KEY CHECK (qid BETWEEN 0 AND 9999),"
	"  uuid TEXT NOT NULL UNIQUE,"
	"  name TEXT NOT NULL UNIQUE,"
	"  class TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE property ("
	"  qid INTEGER NOT NULL,"
	"  name TEXT NOT NULL,"
	"  value TEXT,"
	"  PRIMARY KEY (qid, name)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE feature ("
	"  position INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  qid INTEGER NOT NULL REFERENCES qube (qid) ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  value TEXT NOT NULL,"
	"  UNIQUE (qid, name)"
	") STRICT;"
	"CREATE TABLE tag ("
	"  qid INTEGER NOT NULL REFERENCES qube (qid) ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  PRIMARY KEY (qid, name)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER qube_properties_go AFTER DELETE ON qube BEGIN"
	"  DELETE FROM property WHERE qid = old.qid;"
	"END;"
	/* Numbers of disposables, so that one is not used again too soon. */
	"CREATE TABLE used_dispid ("
	"  dispid INTEGER PRIMARY KEY,"
	"  used_at INTEGER NOT NULL" /* seconds since the epoch */
	") STRICT;";

/*
 * Storage. A volume's content at one time is a state: an image that is never changed once it is
 * complete. `status` is also the journal: a row is 'making' before its image exists, and is
 * deleted only after its image is gone; 'unwanted' content is kept only for what lies on it, and
 * while 'folding' it is being replaced by the content of the one state that does.
 */
static const char step_storage[] =
	"CREATE TABLE volume ("
	"  id INTEGER PRIMARY KEY,"
	"  pool TEXT NOT NULL,"
	"  vid TEXT NOT NULL,"
	"  name TEXT NOT NULL,"
	"  owner TEXT NOT NULL,"
	"  source_vid TEXT,"
	"  size_bytes INTEGER NOT NULL,"
	"  rw INTEGER NOT NULL,"
	"  save_on_stop INTEGER NOT NULL,"
	"  snap_on_start INTEGER NOT NULL,"
	"  ephemeral INTEGER NOT NULL,"
	"  revisions_to_keep INTEGER NOT NULL,"
	"  next_number INTEGER NOT NULL,"
	"  removing INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE UNIQUE INDEX volume_living ON volume (pool, vid) WHERE removing = 0;"
	"CREATE INDEX volume_owner ON volume (owner);"
	"CREATE TABLE volume_state ("
	"  id INTEGER PRIMARY KEY,"
	"  volume_id INTEGER NOT NULL REFERENCES volume (id),"
	"  number INTEGER NOT NULL,"
	"  status TEXT NOT NULL CHECK (status IN"
	"    ('making', 'open', 'current', 'revision', 'unwanted', 'folding')),"
	"  base_id INTEGER REFERENCES volume_state (id)," /* what it lies on */
	"  size_bytes INTEGER NOT NULL,"
	"  fresh_bytes INTEGER NOT NULL," /* length of the file before the first write */
	"  made_at INTEGER NOT NULL,"     /* seconds since the epoch */
	"  retired INTEGER NOT NULL,"     /* order in which states became revisions */
	"  UNIQUE (volume_id, number)"
	") STRICT;"
	"CREATE UNIQUE INDEX volume_state_current ON volume_state (volume_id)"
	"  WHERE status = 'current';"
	"CREATE UNIQUE INDEX volume_state_open ON volume_state (volume_id)"
	"  WHERE status IN ('making', 'open');"
	"CREATE INDEX volume_state_base ON volume_state (base_id);"
	"CREATE INDEX volume_state_unwanted ON volume_state (status)"
	"  WHERE status IN ('making', 'unwanted', 'folding');";

/*
 * What runs: one row a running qube, with what is needed to take its processes up again after a
 * restart of the daemon. The domain number is never given out twice.
 */
static const char step_running[] = "CREATE TABLE running ("
				   "  xid INTEGER PRIMARY KEY AUTOINCREMENT,"
				   "  qid INTEGER NOT NULL UNIQUE,"
				   "  started INTEGER NOT NULL," /* 0: the start is under way */
				   "  start_time_us INTEGER NOT NULL,"
				   "  memory_kib INTEGER NOT NULL,"
				   "  machine_pid INTEGER NOT NULL,"
				   "  machine_start INTEGER NOT NULL,"
				   "  link_pid INTEGER NOT NULL,"
				   "  link_start INTEGER NOT NULL,"
				   "  qrexec_pid INTEGER NOT NULL,"
				   "  qrexec_start INTEGER NOT NULL"
				   ") STRICT;";

/* What the user noted about a qube; no row: nothing. */
static const char step_notes[] =
	"CREATE TABLE note ("
	"  qid INTEGER PRIMARY KEY REFERENCES qube (qid) ON DELETE CASCADE,"
	"  text TEXT NOT NULL"
	") STRICT;";

/*
 * What a state is for its owner, whichever image holds it: `content` is the number that is shown of
 * it, the same while states are folded; `name` was given to it by the user. While `moving_to` is
 * set the image's header may name that state instead of its base.
 */
static const char step_state_names[] =
	"ALTER TABLE volume_state ADD COLUMN content INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE volume_state ADD COLUMN name TEXT;"
	"ALTER TABLE volume_state ADD COLUMN named_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE volume_state ADD COLUMN moving_to INTEGER NOT NULL DEFAULT 0;"
	"UPDATE volume_state SET content = number;"
	"CREATE UNIQUE INDEX volume_state_name ON volume_state (volume_id, name)"
	"  WHERE name IS NOT NULL;";

/*
 * The content that a start began with, of its own volume or its source: what it lies on may be
 * another while it runs.
 */
static const char step_state_over[] =
	"ALTER TABLE volume_state ADD COLUMN over_content INTEGER NOT NULL DEFAULT 0;"
	"UPDATE volume_state SET over_content = (SELECT base.content FROM volume_state AS base"
	"  WHERE base.id = volume_state.base_id) WHERE base_id IS NOT NULL;";

const char *const store_schema_steps[] = {
	step_model,
	step_storage,
	step_running,
	step_notes,
	step_state_names,
	step_state_over,
};

const size_t store_schema_version = sizeof(store_schema_steps) / sizeof(store_schema_steps[0]);
