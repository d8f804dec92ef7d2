/*
 * The table of properties (spec admin-api.md sections 4.1 to 4.3): everything that is particular
 * about one is in its row, or in the functions its row names.
 */
#include "admin/model/property_table.h"

#include "admin/model/address.h"

#define COMMON                                                                                     \
	(CLASS_BIT(CLASS_APP) | CLASS_BIT(CLASS_DISP) | CLASS_BIT(CLASS_STANDALONE) |              \
		CLASS_BIT(CLASS_TEMPLATE))
#define ADMIN CLASS_BIT(CLASS_ADMIN)
#define REMOTE CLASS_BIT(CLASS_REMOTE)
#define ALL (COMMON | ADMIN | REMOTE)

/* The start of a row, and its constant default. */
#define QUBE_ROW(id_, name_, type_, classes_)                                                      \
	.name = (name_), .id = (id_), .type = (type_), .classes = (classes_)
#define GLOBAL_ROW(id_, name_, type_) .name = (name_), .id = (id_), .type = (type_)
#define NUMBER(value) .preset = VALUE_PRESENT, .preset_number = (value)
#define FLAG(value) .preset = VALUE_PRESENT, .preset_number = (value)
#define TEXT(value) .preset = VALUE_PRESENT, .preset_text = (value)
#define NONE .preset = VALUE_NONE

const struct property property_table[PROPERTY_MAX] = {
	[PROPERTY_AUTOSTART] = {QUBE_ROW(PROPERTY_AUTOSTART, "autostart", TYPE_BOOL, COMMON),
		FLAG(false), .help = "Whether the qube is started when the host boots."},
	[PROPERTY_AUDIOVM] = {QUBE_ROW(PROPERTY_AUDIOVM, "audiovm", TYPE_VM, COMMON),
		.flags = PROPERTY_LATE, .global_default = GLOBAL_DEFAULT_AUDIOVM,
		.effect = effect_role_qube,
		.help = "The qube that plays and records sound for this one."},
	[PROPERTY_AUTO_CLEANUP] = {QUBE_ROW(PROPERTY_AUTO_CLEANUP, "auto_cleanup", TYPE_BOOL,
					   CLASS_BIT(CLASS_DISP)),
		FLAG(false), .flags = PROPERTY_NOT_CLONED,
		.help = "Whether the disposable is removed once it has shut down."},
	[PROPERTY_APPVM_DEFAULT_BOOTMODE] = {QUBE_ROW(PROPERTY_APPVM_DEFAULT_BOOTMODE,
						     "appvm_default_bootmode", TYPE_STR,
						     CLASS_BIT(CLASS_TEMPLATE)),
		.flags = PROPERTY_LATE, .compute = compute_appvm_bootmode,
		.check_text = check_bootmode,
		.help = "The boot mode of qubes based on this template that choose none."},
	[PROPERTY_BACKUP_TIMESTAMP] = {QUBE_ROW(PROPERTY_BACKUP_TIMESTAMP, "backup_timestamp",
					       TYPE_INT, COMMON),
		NONE, .flags = PROPERTY_NOT_CLONED,
		.help = "When the qube was last backed up, in seconds since the epoch."},
	[PROPERTY_BOOTMODE] = {QUBE_ROW(PROPERTY_BOOTMODE, "bootmode", TYPE_STR, COMMON),
		.flags = PROPERTY_LATE, .compute = compute_bootmode, .check_text = check_bootmode,
		.help = "The boot mode: one of those the qube or its template offers."},
	[PROPERTY_DEBUG] = {QUBE_ROW(PROPERTY_DEBUG, "debug", TYPE_BOOL, COMMON), FLAG(false),
		.help = "Whether the qube runs in debug mode, with more to see and slower."},
	[PROPERTY_DEFAULT_DISPVM] = {QUBE_ROW(PROPERTY_DEFAULT_DISPVM, "default_dispvm", TYPE_VM,
					     COMMON | ADMIN),
		.flags = PROPERTY_LATE, .compute = compute_default_dispvm,
		.check = check_default_dispvm,
		.help = "The disposable template used when this qube asks for a disposable."},
	[PROPERTY_DEFAULT_USER] = {QUBE_ROW(
					   PROPERTY_DEFAULT_USER, "default_user", TYPE_STR, COMMON),
		.flags = PROPERTY_INHERITS, TEXT("user"), .check_text = check_user,
		.help = "The user that programs in the qube run as."},
	[PROPERTY_DEVICES_DENIED] = {QUBE_ROW(PROPERTY_DEVICES_DENIED, "devices_denied", TYPE_STR,
					     COMMON | ADMIN),
		TEXT(""), .check_text = check_devices_denied,
		.help = "Device interfaces that can not be attached to the qube: their codes after "
			"one another."},
	[PROPERTY_DISPID] = {QUBE_ROW(PROPERTY_DISPID, "dispid", TYPE_INT, CLASS_BIT(CLASS_DISP)),
		.flags = PROPERTY_WRITE_ONCE, .help = "The number of the disposable."},
	[PROPERTY_EPHEMERAL] =
		{QUBE_ROW(PROPERTY_EPHEMERAL, "ephemeral", TYPE_BOOL,
			 CLASS_BIT(CLASS_APP) |
				 CLASS_BIT(CLASS_DISP) | CLASS_BIT(CLASS_STANDALONE)),
			.compute = compute_ephemeral,
			.help = "Whether the disposable, or each disposable of this template, "
				"leaves "
				"nothing on the disk: what is written in it is kept in memory "
				"only."},
	[PROPERTY_GUIVM] = {QUBE_ROW(PROPERTY_GUIVM, "guivm", TYPE_VM, COMMON),
		.flags = PROPERTY_LATE, .global_default = GLOBAL_DEFAULT_GUIVM,
		.effect = effect_role_qube, .help = "The qube that shows the windows of this one."},
	[PROPERTY_INCLUDE_IN_BACKUPS] =
		{QUBE_ROW(PROPERTY_INCLUDE_IN_BACKUPS, "include_in_backups", TYPE_BOOL, ALL),
			.compute = compute_include_in_backups,
			.help = "Whether the qube is chosen for backups."},
	[PROPERTY_INSTALLED_BY_RPM] =
		{QUBE_ROW(PROPERTY_INSTALLED_BY_RPM, "installed_by_rpm", TYPE_BOOL, COMMON),
			FLAG(false), .flags = PROPERTY_NOT_CLONED,
			.help = "Whether the package manager of the host owns the qube, which "
				"keeps it from being removed."},
	[PROPERTY_IP] = {QUBE_ROW(PROPERTY_IP, "ip", TYPE_STR, COMMON),
		.flags = PROPERTY_NOT_CLONED, .compute = compute_ip, .check_text = check_ip,
		.help = "The IPv4 address of the qube, if it is networked."},
	[PROPERTY_IP6] = {QUBE_ROW(PROPERTY_IP6, "ip6", TYPE_STR, COMMON),
		.flags = PROPERTY_NOT_CLONED, .compute = compute_ip6, .check_text = check_ip6,
		.help = "The IPv6 address of the qube, if it is networked and has IPv6."},
	[PROPERTY_KERNEL] = {QUBE_ROW(PROPERTY_KERNEL, "kernel", TYPE_STR, COMMON),
		.flags = PROPERTY_INHERITS, .global_default = GLOBAL_DEFAULT_KERNEL,
		.check_text = check_kernel,
		.help = "The installed kernel that the qube boots; empty to boot from its own "
			"disk."},
	[PROPERTY_KERNELOPTS] = {QUBE_ROW(PROPERTY_KERNELOPTS, "kernelopts", TYPE_STR, COMMON),
		.flags = PROPERTY_LATE, .compute = compute_kernelopts,
		.check_text = check_kernelopts,
		.help = "Options on the command line of the kernel."},
	[PROPERTY_KEYBOARD_LAYOUT] =
		{QUBE_ROW(PROPERTY_KEYBOARD_LAYOUT, "keyboard_layout", TYPE_STR, COMMON | ADMIN),
			.compute = compute_guivm_layout, .check_text = check_keyboard_layout,
			.help = "Keyboard layout, variant and options, joined by plus signs."},
	[PROPERTY_LABEL] = {QUBE_ROW(PROPERTY_LABEL, "label", TYPE_LABEL, ALL),
		.flags = PROPERTY_REQUIRED | PROPERTY_NOT_CLONED, .check_reset = check_label_reset,
		.effect = effect_icon,
		.help = "The label: the colour of the borders of the qube's windows."},
	[PROPERTY_MAC] = {QUBE_ROW(PROPERTY_MAC, "mac", TYPE_STR, COMMON), TEXT(ADDRESS_MAC),
		.check_text = check_mac,
		.help = "The MAC address of the qube's network interface."},
	[PROPERTY_MANAGEMENT_DISPVM] =
		{QUBE_ROW(PROPERTY_MANAGEMENT_DISPVM, "management_dispvm", TYPE_VM, COMMON),
			.flags = PROPERTY_LATE | PROPERTY_INHERITS,
			.global_default = GLOBAL_MANAGEMENT_DISPVM, .check = check_default_dispvm,
			.help = "The disposable template used to manage this qube."},
	[PROPERTY_MAXMEM] = {QUBE_ROW(PROPERTY_MAXMEM, "maxmem", TYPE_INT, COMMON | ADMIN),
		.read_only_classes = ADMIN, .flags = PROPERTY_NOT_NEGATIVE,
		.compute = compute_maxmem, .veto = veto_maxmem_while_running,
		.help = "The most memory, in MiB, that balancing gives to the qube; 0 for no "
			"balancing."},
	[PROPERTY_MEMORY] = {QUBE_ROW(PROPERTY_MEMORY, "memory", TYPE_INT, COMMON),
		.flags = PROPERTY_INHERITS | PROPERTY_POSITIVE, NUMBER(400),
		.help = "The memory, in MiB, that the qube starts with."},
	[PROPERTY_NETVM] = {QUBE_ROW(PROPERTY_NETVM, "netvm", TYPE_VM, COMMON),
		.flags = PROPERTY_LATE, .compute = compute_netvm, .check = check_netvm,
		.effect = effect_netvm, .help = "The qube that connects this one to the network."},
	[PROPERTY_PROVIDES_NETWORK] =
		{QUBE_ROW(PROPERTY_PROVIDES_NETWORK, "provides_network", TYPE_BOOL, COMMON),
			FLAG(false), .veto = veto_in_use_as_netvm,
			.effect = effect_provides_network,
			.help = "Whether the qube connects others to the network."},
	[PROPERTY_QREXEC_TIMEOUT] =
		{QUBE_ROW(PROPERTY_QREXEC_TIMEOUT, "qrexec_timeout", TYPE_INT, COMMON),
			.flags = PROPERTY_INHERITS | PROPERTY_POSITIVE,
			.global_default = GLOBAL_DEFAULT_QREXEC_TIMEOUT,
			.help = "How many seconds the qube has after its start to answer."},
	[PROPERTY_RELAYVM] = {QUBE_ROW(PROPERTY_RELAYVM, "relayvm", TYPE_VM, REMOTE),
		.flags = PROPERTY_LATE, NONE, .effect = effect_role_qube,
		.help = "The qube through which the remote one is reached."},
	[PROPERTY_REMOTE_NAME] = {QUBE_ROW(PROPERTY_REMOTE_NAME, "remote_name", TYPE_STR, REMOTE),
		TEXT(""), .check_text = check_remote_name,
		.help = "The name of the qube on the remote machine; empty if it is the same."},
	[PROPERTY_SHUTDOWN_TIMEOUT] =
		{QUBE_ROW(PROPERTY_SHUTDOWN_TIMEOUT, "shutdown_timeout", TYPE_INT, COMMON),
			.flags = PROPERTY_INHERITS | PROPERTY_POSITIVE,
			.global_default = GLOBAL_DEFAULT_SHUTDOWN_TIMEOUT,
			.help = "How many seconds the qube has to shut down when it is asked to."},
	[PROPERTY_STUBDOM_MEM] = {QUBE_ROW(PROPERTY_STUBDOM_MEM, "stubdom_mem", TYPE_INT, COMMON),
		.flags = PROPERTY_POSITIVE, NONE,
		.help = "The memory, in MiB, of the stub domain."},
	[PROPERTY_TEMPLATE] = {QUBE_ROW(PROPERTY_TEMPLATE, "template", TYPE_VM,
				       CLASS_BIT(CLASS_APP) | CLASS_BIT(CLASS_DISP)),
		.flags = PROPERTY_LATE | PROPERTY_REQUIRED | PROPERTY_NOT_CLONED,
		.check = check_template, .veto = veto_change_template,
		.check_reset = check_template_reset, .help = "The qube this one is based on."},
	[PROPERTY_TEMPLATE_FOR_DISPVMS] =
		{QUBE_ROW(PROPERTY_TEMPLATE_FOR_DISPVMS, "template_for_dispvms", TYPE_BOOL,
			 CLASS_BIT(CLASS_APP) | CLASS_BIT(CLASS_STANDALONE)),
			FLAG(false), .veto = veto_in_use_as_dispvm, .effect = effect_icon,
			.help = "Whether disposables can be based on the qube."},
	[PROPERTY_TRANSPORT_RPC] =
		{QUBE_ROW(PROPERTY_TRANSPORT_RPC, "transport_rpc", TYPE_STR, REMOTE),
			.check_text = check_service_name,
			.help = "The service of the relay qube that reaches the remote one."},
	[PROPERTY_VCPUS] = {QUBE_ROW(PROPERTY_VCPUS, "vcpus", TYPE_INT, COMMON),
		.flags = PROPERTY_INHERITS | PROPERTY_POSITIVE, NUMBER(2),
		.help = "The number of virtual processors."},
	[PROPERTY_VIRT_MODE] = {QUBE_ROW(PROPERTY_VIRT_MODE, "virt_mode", TYPE_STR, COMMON),
		.flags = PROPERTY_INHERITS, TEXT("pvh"), .check_text = check_virt_mode,
		.help = "The kind of virtualization: hvm, pv or pvh."},
	[PROPERTY_DNS] = {QUBE_ROW(PROPERTY_DNS, "dns", TYPE_STR, COMMON),
		.flags = PROPERTY_READ_ONLY, .compute = compute_dns,
		.help = "The DNS servers of the qube."},
	[PROPERTY_GATEWAY] = {QUBE_ROW(PROPERTY_GATEWAY, "gateway", TYPE_STR, COMMON),
		.flags = PROPERTY_READ_ONLY, .compute = compute_gateway,
		.help = "The address that qubes connected to this one use as their gateway."},
	[PROPERTY_GATEWAY6] = {QUBE_ROW(PROPERTY_GATEWAY6, "gateway6", TYPE_STR, COMMON),
		.flags = PROPERTY_READ_ONLY, .compute = compute_gateway6,
		.help = "The IPv6 address that qubes connected to this one use as their gateway."},
	[PROPERTY_ICON] = {QUBE_ROW(PROPERTY_ICON, "icon", TYPE_STR, ALL),
		.flags = PROPERTY_READ_ONLY, .compute = compute_icon,
		.help = "The name of the icon, which follows from class and label."},
	[PROPERTY_IS_PRELOAD] =
		{QUBE_ROW(PROPERTY_IS_PRELOAD, "is_preload", TYPE_BOOL, CLASS_BIT(CLASS_DISP)),
			.flags = PROPERTY_READ_ONLY, .compute = compute_is_preload,
			.help = "Whether the disposable was started ahead of its use and waits for "
				"it."},
	[PROPERTY_KLASS] = {QUBE_ROW(PROPERTY_KLASS, "klass", TYPE_STR, ALL),
		.flags = PROPERTY_READ_ONLY, .compute = compute_klass,
		.help = "The class of the qube."},
	[PROPERTY_NAME] = {QUBE_ROW(PROPERTY_NAME, "name", TYPE_STR, ALL),
		.read_only_classes = ADMIN, .flags = PROPERTY_WRITE_ONCE, .compute = compute_name,
		.help = "The name of the qube."},
	[PROPERTY_QID] = {QUBE_ROW(PROPERTY_QID, "qid", TYPE_INT, ALL), .read_only_classes = ADMIN,
		.flags = PROPERTY_WRITE_ONCE, .compute = compute_qid,
		.help = "The number of the qube."},
	[PROPERTY_START_TIME] = {QUBE_ROW(PROPERTY_START_TIME, "start_time", TYPE_STR, COMMON),
		.flags = PROPERTY_READ_ONLY, .compute = compute_start_time,
		.help = "When the qube was started, in seconds since the epoch."},
	[PROPERTY_STUBDOM_UUID] =
		{QUBE_ROW(PROPERTY_STUBDOM_UUID, "stubdom_uuid", TYPE_STR, COMMON),
			.flags = PROPERTY_READ_ONLY, TEXT(""),
			.help = "The UUID of the stub domain."},
	[PROPERTY_STUBDOM_XID] = {QUBE_ROW(PROPERTY_STUBDOM_XID, "stubdom_xid", TYPE_INT, COMMON),
		.flags = PROPERTY_READ_ONLY, NUMBER(-1),
		.help = "The domain number of the stub domain."},
	[PROPERTY_UPDATEABLE] =
		{QUBE_ROW(PROPERTY_UPDATEABLE, "updateable", TYPE_BOOL, COMMON | ADMIN),
			.flags = PROPERTY_READ_ONLY, .compute = compute_updateable,
			.help = "Whether updates are installed in the qube itself and stay."},
	[PROPERTY_UUID] = {QUBE_ROW(PROPERTY_UUID, "uuid", TYPE_STR, ALL),
		.read_only_classes = ADMIN, .flags = PROPERTY_WRITE_ONCE, .compute = compute_uuid,
		.help = "The UUID of the qube."},
	[PROPERTY_VISIBLE_GATEWAY] =
		{QUBE_ROW(PROPERTY_VISIBLE_GATEWAY, "visible_gateway", TYPE_STR, COMMON),
			.flags = PROPERTY_READ_ONLY, .compute = compute_visible_gateway,
			.help = "The gateway that the qube is told."},
	[PROPERTY_VISIBLE_GATEWAY6] =
		{QUBE_ROW(PROPERTY_VISIBLE_GATEWAY6, "visible_gateway6", TYPE_STR, COMMON),
			.flags = PROPERTY_READ_ONLY, .compute = compute_visible_gateway6,
			.help = "The IPv6 gateway that the qube is told."},
	[PROPERTY_VISIBLE_IP] = {QUBE_ROW(PROPERTY_VISIBLE_IP, "visible_ip", TYPE_STR, COMMON),
		.flags = PROPERTY_READ_ONLY, .compute = compute_visible_ip,
		.help = "The IPv4 address that the qube is told."},
	[PROPERTY_VISIBLE_IP6] = {QUBE_ROW(PROPERTY_VISIBLE_IP6, "visible_ip6", TYPE_STR, COMMON),
		.flags = PROPERTY_READ_ONLY, .compute = compute_visible_ip6,
		.help = "The IPv6 address that the qube is told."},
	[PROPERTY_VISIBLE_NETMASK] =
		{QUBE_ROW(PROPERTY_VISIBLE_NETMASK, "visible_netmask", TYPE_STR, COMMON),
			.flags = PROPERTY_READ_ONLY, .compute = compute_visible_netmask,
			.help = "The netmask that the qube is told."},
	[PROPERTY_XID] = {QUBE_ROW(PROPERTY_XID, "xid", TYPE_INT, COMMON),
		.flags = PROPERTY_READ_ONLY, .compute = compute_xid,
		.help = "The number of the domain that runs the qube; -1 when it is off."},
	[GLOBAL_CHECK_UPDATES_VM] =
		{GLOBAL_ROW(GLOBAL_CHECK_UPDATES_VM, "check_updates_vm", TYPE_BOOL), FLAG(true),
			.help = "Whether qubes look for updates."},
	[GLOBAL_CLOCKVM] = {GLOBAL_ROW(GLOBAL_CLOCKVM, "clockvm", TYPE_VM), NONE,
		.effect = effect_clockvm, .help = "The qube that the host takes the time from."},
	[GLOBAL_DEFAULT_AUDIOVM] = {GLOBAL_ROW(GLOBAL_DEFAULT_AUDIOVM, "default_audiovm", TYPE_VM),
		.compute = compute_dom0, .effect = effect_default_role_qube,
		.help = "The default of audiovm."},
	[GLOBAL_DEFAULT_DISPVM] = {GLOBAL_ROW(GLOBAL_DEFAULT_DISPVM, "default_dispvm", TYPE_VM),
		NONE, .check = check_default_dispvm, .effect = effect_default_dispvm,
		.help = "The default of default_dispvm."},
	[GLOBAL_DEFAULT_GUIVM] = {GLOBAL_ROW(GLOBAL_DEFAULT_GUIVM, "default_guivm", TYPE_VM),
		.compute = compute_dom0, .effect = effect_default_role_qube,
		.help = "The default of guivm."},
	[GLOBAL_DEFAULT_KERNEL] = {GLOBAL_ROW(GLOBAL_DEFAULT_KERNEL, "default_kernel", TYPE_STR),
		.check_text = check_kernel, .help = "The default of kernel."},
	[GLOBAL_DEFAULT_NETVM] = {GLOBAL_ROW(GLOBAL_DEFAULT_NETVM, "default_netvm", TYPE_VM), NONE,
		.check = check_default_netvm, .effect = effect_default_netvm,
		.help = "The default of netvm."},
	[GLOBAL_DEFAULT_POOL] = {GLOBAL_ROW(GLOBAL_DEFAULT_POOL, "default_pool", TYPE_STR),
		.compute = compute_pool, .check_text = check_pool,
		.help = "The storage pool of new volumes."},
	[GLOBAL_DEFAULT_POOL_KERNEL] =
		{GLOBAL_ROW(GLOBAL_DEFAULT_POOL_KERNEL, "default_pool_kernel", TYPE_STR),
			TEXT("linux-kernel"), .check_text = check_pool,
			.help = "The storage pool of kernels."},
	[GLOBAL_DEFAULT_POOL_PRIVATE] =
		{GLOBAL_ROW(GLOBAL_DEFAULT_POOL_PRIVATE, "default_pool_private", TYPE_STR),
			.global_default = GLOBAL_DEFAULT_POOL, .check_text = check_pool,
			.help = "The storage pool of new private volumes."},
	[GLOBAL_DEFAULT_POOL_ROOT] =
		{GLOBAL_ROW(GLOBAL_DEFAULT_POOL_ROOT, "default_pool_root", TYPE_STR),
			.global_default = GLOBAL_DEFAULT_POOL, .check_text = check_pool,
			.help = "The storage pool of new root volumes."},
	[GLOBAL_DEFAULT_POOL_VOLATILE] =
		{GLOBAL_ROW(GLOBAL_DEFAULT_POOL_VOLATILE, "default_pool_volatile", TYPE_STR),
			.global_default = GLOBAL_DEFAULT_POOL, .check_text = check_pool,
			.help = "The storage pool of new volatile volumes."},
	[GLOBAL_DEFAULT_QREXEC_TIMEOUT] =
		{GLOBAL_ROW(GLOBAL_DEFAULT_QREXEC_TIMEOUT, "default_qrexec_timeout", TYPE_INT),
			.flags = PROPERTY_POSITIVE, NUMBER(60),
			.help = "The default of qrexec_timeout."},
	[GLOBAL_DEFAULT_SHUTDOWN_TIMEOUT] =
		{GLOBAL_ROW(GLOBAL_DEFAULT_SHUTDOWN_TIMEOUT, "default_shutdown_timeout", TYPE_INT),
			.flags = PROPERTY_POSITIVE, NUMBER(60),
			.help = "The default of shutdown_timeout."},
	[GLOBAL_DEFAULT_TEMPLATE] =
		{GLOBAL_ROW(GLOBAL_DEFAULT_TEMPLATE, "default_template", TYPE_VM),
			.referred_class = CLASS_BIT(CLASS_TEMPLATE),
			.help = "The template of new qubes that name none."},
	[GLOBAL_MANAGEMENT_DISPVM] =
		{GLOBAL_ROW(GLOBAL_MANAGEMENT_DISPVM, "management_dispvm", TYPE_VM), NONE,
			.check = check_default_dispvm, .help = "The default of management_dispvm."},
	[GLOBAL_STATS_INTERVAL] = {GLOBAL_ROW(GLOBAL_STATS_INTERVAL, "stats_interval", TYPE_INT),
		NUMBER(3),
		.help = "How many seconds lie between two measurements of admin.vm.Stats."},
	[GLOBAL_UPDATEVM] = {GLOBAL_ROW(GLOBAL_UPDATEVM, "updatevm", TYPE_VM), NONE,
		.help = "The qube that downloads updates for the host."},
	[GLOBAL_MAXMEM] = {GLOBAL_ROW(GLOBAL_MAXMEM, "maxmem", TYPE_INT),
		.flags = PROPERTY_READ_ONLY, .compute = compute_host_memory,
		.help = "The memory of the host in MiB."},
	[GLOBAL_NO_CPUS] = {GLOBAL_ROW(GLOBAL_NO_CPUS, "no_cpus", TYPE_INT),
		.flags = PROPERTY_READ_ONLY, .compute = compute_host_cpus,
		.help = "The number of processors of the host."},
};
