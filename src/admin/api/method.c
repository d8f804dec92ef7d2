/*
 * The table of methods (spec admin-api.md sections 9.2 and 11), sorted by name. A new method is
 * a row here and a handler.
 */
#include "admin/api/method.h"

#include <stdlib.h>
#include <string.h>

#include "admin/model/feature.h"
#include "admin/model/qube.h"
#include "base/text.h"

#define NO PART_NONE
#define MAY PART_OPTIONAL
#define MUST PART_REQUIRED

/* name, destination, argument, payload, class, handler, variant */
static const struct method methods[] = {
	{"admin.Events", TO_ANY, NO, NO, GLOBAL_RO, handle_events, 0},
	{"admin.deviceclass.List", TO_DOM0, NO, NO, GLOBAL_RO, handle_deviceclass_list, 0},
	{"admin.label.Create", TO_DOM0, MUST, MUST, GLOBAL_RWX, handle_label_create, 0},
	{"admin.label.Get", TO_DOM0, MUST, NO, GLOBAL_RO, handle_label_get, 0},
	{"admin.label.Index", TO_DOM0, MUST, NO, GLOBAL_RO, handle_label_index, 0},
	{"admin.label.List", TO_DOM0, NO, NO, GLOBAL_RO, handle_label_list, 0},
	{"admin.label.Remove", TO_DOM0, MUST, NO, GLOBAL_RWX, handle_label_remove, 0},
	{"admin.pool.Add", TO_DOM0, MUST, MUST, GLOBAL_RWX, handle_pool_add, 0},
	{"admin.pool.Info", TO_DOM0, MUST, NO, GLOBAL_RO, handle_pool_info, 0},
	{"admin.pool.List", TO_DOM0, NO, NO, GLOBAL_RO, handle_pool_list, 0},
	{"admin.pool.ListDrivers", TO_DOM0, NO, NO, GLOBAL_RO, handle_pool_list_drivers, 0},
	{"admin.pool.Remove", TO_DOM0, MUST, NO, GLOBAL_RWX, handle_pool_remove, 0},
	{"admin.pool.Set.ephemeral_volatile", TO_DOM0, MUST, MUST, GLOBAL_RWX,
		handle_pool_set_ephemeral_volatile, 0},
	{"admin.pool.Set.revisions_to_keep", TO_DOM0, MUST, MUST, GLOBAL_RWX,
		handle_pool_set_revisions_to_keep, 0},
	{"admin.pool.UsageDetails", TO_DOM0, MUST, NO, GLOBAL_RO, handle_pool_usage_details, 0},
	{"admin.pool.volume.List", TO_DOM0, MUST, NO, GLOBAL_RO, handle_pool_volume_list, 0},
	{"admin.property.Get", TO_DOM0, MUST, NO, GLOBAL_RO, handle_property_get,
		PROPERTIES_GLOBAL},
	{"admin.property.GetAll", TO_DOM0, NO, NO, GLOBAL_RO, handle_property_get_all,
		PROPERTIES_GLOBAL},
	{"admin.property.GetDefault", TO_DOM0, MUST, NO, GLOBAL_RO, handle_property_get_default,
		PROPERTIES_GLOBAL},
	{"admin.property.Help", TO_DOM0, MUST, NO, GLOBAL_RO, handle_property_help,
		PROPERTIES_GLOBAL},
	{"admin.property.List", TO_DOM0, NO, NO, GLOBAL_RO, handle_property_list,
		PROPERTIES_GLOBAL},
	{"admin.property.Reset", TO_DOM0, MUST, NO, GLOBAL_RWX, handle_property_reset,
		PROPERTIES_GLOBAL},
	{"admin.property.Set", TO_DOM0, MUST, MAY, GLOBAL_RWX, handle_property_set,
		PROPERTIES_GLOBAL},
	{"admin.vm.Create.AppVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create, CLASS_APP},
	{"admin.vm.Create.DispVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create, CLASS_DISP},
	{"admin.vm.Create.RemoteVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create, CLASS_REMOTE},
	{"admin.vm.Create.StandaloneVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create,
		CLASS_STANDALONE},
	{"admin.vm.Create.TemplateVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create,
		CLASS_TEMPLATE},
	{"admin.vm.CreateDisposable", TO_ANY, MAY, MAY, GLOBAL_RWX, handle_create_disposable, 0},
	{"admin.vm.CreateInPool.AppVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create_in_pool,
		CLASS_APP},
	{"admin.vm.CreateInPool.DispVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create_in_pool,
		CLASS_DISP},
	{"admin.vm.CreateInPool.RemoteVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create_in_pool,
		CLASS_REMOTE},
	{"admin.vm.CreateInPool.StandaloneVM", TO_DOM0, MAY, MUST, GLOBAL_RWX,
		handle_create_in_pool, CLASS_STANDALONE},
	{"admin.vm.CreateInPool.TemplateVM", TO_DOM0, MAY, MUST, GLOBAL_RWX, handle_create_in_pool,
		CLASS_TEMPLATE},
	{"admin.vm.CurrentState", TO_ANY, NO, NO, LOCAL_RO, handle_current_state, 0},
	{"admin.vm.Kill", TO_ANY, NO, NO, LOCAL_RWX, handle_kill, 0},
	{"admin.vm.List", TO_ANY, NO, NO, GLOBAL_RO, handle_vm_list, 0},
	{"admin.vm.Pause", TO_ANY, NO, NO, LOCAL_RWX, handle_pause, 0},
	{"admin.vm.Remove", TO_ANY, NO, NO, GLOBAL_RWX, handle_remove, 0},
	{"admin.vm.Resume", TO_ANY, NO, NO, LOCAL_RWX, handle_resume, 0},
	{"admin.vm.Shutdown", TO_ANY, MAY, NO, LOCAL_RWX, handle_shutdown, 0},
	{"admin.vm.Start", TO_ANY, NO, NO, LOCAL_RWX, handle_start, 0},
	{"admin.vm.Stats", TO_ANY, NO, NO, GLOBAL_RO, handle_stats, 0},
	{"admin.vm.Suspend", TO_ANY, NO, NO, LOCAL_RWX, handle_suspend, 0},
	{"admin.vm.Unpause", TO_ANY, NO, NO, LOCAL_RWX, handle_unpause, 0},
	{"admin.vm.feature.CheckWithAdminVM", TO_ANY, MUST, NO, LOCAL_RO, handle_feature_get,
		FEATURE_WITH_ADMINVM},
	{"admin.vm.feature.CheckWithNetvm", TO_ANY, MUST, NO, LOCAL_RO, handle_feature_get,
		FEATURE_WITH_NETVM},
	{"admin.vm.feature.CheckWithTemplate", TO_ANY, MUST, NO, LOCAL_RO, handle_feature_get,
		FEATURE_WITH_TEMPLATE},
	{"admin.vm.feature.CheckWithTemplateAndAdminVM", TO_ANY, MUST, NO, LOCAL_RO,
		handle_feature_get, FEATURE_WITH_TEMPLATE_AND_ADMINVM},
	{"admin.vm.feature.Get", TO_ANY, MUST, NO, LOCAL_RO, handle_feature_get, FEATURE_OWN},
	{"admin.vm.feature.List", TO_ANY, NO, NO, LOCAL_RO, handle_feature_list, 0},
	{"admin.vm.feature.Remove", TO_ANY, MUST, NO, LOCAL_RWX, handle_feature_remove, 0},
	{"admin.vm.feature.Set", TO_ANY, MUST, MAY, LOCAL_RWX, handle_feature_set, 0},
	{"admin.vm.notes.Get", TO_QUBE, NO, NO, LOCAL_RO, handle_notes_get, 0},
	{"admin.vm.notes.Set", TO_QUBE, NO, MAY, LOCAL_RWX, handle_notes_set, 0},
	{"admin.vm.property.Get", TO_ANY, MUST, NO, LOCAL_RO, handle_property_get,
		PROPERTIES_OF_QUBE},
	{"admin.vm.property.GetAll", TO_ANY, NO, NO, LOCAL_RO, handle_property_get_all,
		PROPERTIES_OF_QUBE},
	{"admin.vm.property.GetDefault", TO_ANY, MUST, NO, LOCAL_RO, handle_property_get_default,
		PROPERTIES_OF_QUBE},
	{"admin.vm.property.Help", TO_ANY, MUST, NO, LOCAL_RO, handle_property_help,
		PROPERTIES_OF_QUBE},
	{"admin.vm.property.List", TO_ANY, NO, NO, LOCAL_RO, handle_property_list,
		PROPERTIES_OF_QUBE},
	{"admin.vm.property.Reset", TO_ANY, MUST, NO, LOCAL_RWX, handle_property_reset,
		PROPERTIES_OF_QUBE},
	{"admin.vm.property.Set", TO_ANY, MUST, MAY, LOCAL_RWX, handle_property_set,
		PROPERTIES_OF_QUBE},
	{"admin.vm.tag.Get", TO_ANY, MUST, NO, LOCAL_RO, handle_tag_get, 0},
	{"admin.vm.tag.List", TO_ANY, NO, NO, LOCAL_RO, handle_tag_list, 0},
	{"admin.vm.tag.Remove", TO_ANY, MUST, NO, LOCAL_RWX, handle_tag_remove, 0},
	{"admin.vm.tag.Set", TO_ANY, MUST, NO, LOCAL_RWX, handle_tag_set, 0},
	{"admin.vm.volume.Clear", TO_ANY, MUST, NO, LOCAL_RWX, handle_volume_clear, 0},
	{"admin.vm.volume.CloneFrom", TO_ANY, MUST, NO, LOCAL_RWX, handle_volume_clone_from, 0},
	{"admin.vm.volume.CloneTo", TO_ANY, MUST, MUST, LOCAL_RWX, handle_volume_clone_to, 0},
	{"admin.vm.volume.Info", TO_ANY, MUST, NO, LOCAL_RO, handle_volume_info, 0},
	{"admin.vm.volume.List", TO_ANY, NO, NO, LOCAL_RO, handle_volume_list, 0},
	{"admin.vm.volume.ListSnapshots", TO_ANY, MUST, NO, LOCAL_RO, handle_volume_list_snapshots,
		0},
	{"admin.vm.volume.Resize", TO_ANY, MUST, MUST, LOCAL_RWX, handle_volume_resize, 0},
	{"admin.vm.volume.Revert", TO_ANY, MUST, MUST, LOCAL_RWX, handle_volume_revert, 0},
	{"admin.vm.volume.Set.ephemeral", TO_ANY, MUST, MUST, LOCAL_RWX,
		handle_volume_set_ephemeral, 0},
	{"admin.vm.volume.Set.revisions_to_keep", TO_ANY, MUST, MUST, LOCAL_RWX,
		handle_volume_set_revisions_to_keep, 0},
	{"admin.vm.volume.Set.rw", TO_ANY, MUST, MUST, LOCAL_RWX, handle_volume_set_rw, 0},
	{"admin.vmclass.List", TO_DOM0, NO, NO, GLOBAL_RO, handle_vmclass_list, 0},
	{"bulkhead.vm.Keep", TO_QUBE, MAY, MAY, GLOBAL_RWX, handle_keep, 0},
	{"bulkhead.vm.Overview", TO_DOM0, NO, MAY, GLOBAL_RO, handle_overview, 0},
	{"bulkhead.vm.volume.Delete", TO_ANY, MUST, MUST, LOCAL_RWX, handle_volume_delete, 0},
	{"bulkhead.vm.volume.ListStates", TO_ANY, MUST, NO, LOCAL_RO, handle_volume_list_states, 0},
	{"bulkhead.vm.volume.Snapshot", TO_ANY, MUST, MUST, LOCAL_RWX, handle_volume_snapshot, 0},
	{"bulkhead.vm.volume.Work", TO_ANY, MUST, NO, LOCAL_RO, handle_volume_work, 0},
	{"internal.GetSystemInfo", TO_DOM0, NO, NO, INTERNAL, handle_system_info, 0},
	{"internal.vm.volume.ImportBegin", TO_ANY, MUST, MAY, INTERNAL, handle_import_begin, 0},
	{"internal.vm.volume.ImportEnd", TO_ANY, MUST, MUST, INTERNAL, handle_import_end, 0},
};

#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))

static int
compare_method(const void *key, const void *element)
{
	return strcmp(key, ((const struct method *)element)->name);
}

const struct method *
method_find(const char *name, bool is_internal)
{
	const struct method *m =
		bsearch(name, methods, METHOD_COUNT, sizeof(methods[0]), compare_method);

	return m != NULL && (m->class == INTERNAL) == is_internal ? m : NULL;
}

const struct method *
method_table(size_t *ret_count)
{
	*ret_count = METHOD_COUNT;
	return methods;
}
