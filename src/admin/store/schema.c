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

const char *const store_schema_steps[] = {
	step_model,
};

const size_t store_schema_version = sizeof(store_schema_steps) / sizeof(store_schema_steps[0]);
