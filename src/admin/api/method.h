/* A method of the Admin API is a row: what a call must look like, and who carries it out. */
#ifndef BULKHEAD_ADMIN_API_METHOD_H
#define BULKHEAD_ADMIN_API_METHOD_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/api/request.h"

enum method_destination {
	TO_ANY,
	TO_DOM0,
	TO_QUBE, /* anything but dom0 */
};

enum method_part {
	PART_NONE, /* must be empty */
	PART_OPTIONAL,
	PART_REQUIRED, /* must not be empty */
};

/* Which policy file of 9.2 speaks about it. */
enum method_class {
	LOCAL_RO,
	LOCAL_RWX,
	GLOBAL_RO,
	GLOBAL_RWX,
	INTERNAL, /* on the internal socket, for dom0 */
};

struct method {
	const char *name;
	enum method_destination destination;
	enum method_part argument, payload;
	enum method_class class;
	void (*handle)(struct request *r);
	int variant; /* for handlers of more than one method */
};

/* NULL when there is no such method on that socket. */
const struct method *method_find(const char *name, bool is_internal);
/* All rows, sorted by name; for tests and tools that write policies. */
const struct method *method_table(size_t *ret_count);

typedef void method_handler(struct request *r);

/* method_list.c */
method_handler handle_vmclass_list, handle_deviceclass_list, handle_vm_list, handle_overview;
/* method_property.c; variant: enum property_scope */
enum property_scope { PROPERTIES_OF_QUBE, PROPERTIES_GLOBAL };
method_handler handle_property_list, handle_property_get, handle_property_get_all,
	handle_property_get_default, handle_property_help, handle_property_set,
	handle_property_reset;
/* method_keep.c */
method_handler handle_keep;
/* method_label.c */
method_handler handle_label_list, handle_label_get, handle_label_index, handle_label_create,
	handle_label_remove;
/* method_feature.c; variant of get: enum feature_lookup */
method_handler handle_feature_list, handle_feature_get, handle_feature_set, handle_feature_remove;
method_handler handle_tag_list, handle_tag_get, handle_tag_set, handle_tag_remove;
/* method_notes.c */
method_handler handle_notes_get, handle_notes_set;
/* method_power.c */
method_handler handle_start, handle_shutdown, handle_kill, handle_pause, handle_unpause,
	handle_suspend, handle_resume, handle_current_state;
/* method_create.c; variant: enum qube_class */
method_handler handle_create, handle_create_in_pool;
/* method_remove.c, method_disposable.c */
method_handler handle_remove, handle_create_disposable;
/* method_volume.c, method_volume_set.c, method_clone.c, method_import.c */
method_handler handle_volume_list, handle_volume_info, handle_volume_list_snapshots,
	handle_volume_revert, handle_volume_resize, handle_volume_clear,
	handle_volume_set_revisions_to_keep, handle_volume_set_rw, handle_volume_set_ephemeral,
	handle_volume_clone_from, handle_volume_clone_to, handle_import_begin, handle_import_end;
/* method_volume_state.c */
method_handler handle_volume_list_states, handle_volume_snapshot, handle_volume_delete,
	handle_volume_work;
/* method_pool.c */
method_handler handle_pool_list, handle_pool_info, handle_pool_list_drivers,
	handle_pool_usage_details, handle_pool_add, handle_pool_remove,
	handle_pool_set_revisions_to_keep, handle_pool_set_ephemeral_volatile,
	handle_pool_volume_list;
/* method_events.c, method_system_info.c */
method_handler handle_events, handle_stats, handle_system_info;

#endif
