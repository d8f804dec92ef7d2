/*
 * QEMU's command line; see command_line.h. Everything a qube has is named here: no defaults, no
 * configuration files, no file names, all rights given away.
 */
#include "admin/hypervisor/command_line.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Descriptors in the new process: 0 to 2 are its standard ones. */
#define FIRST_FD 3

/*
 * Host memory that translated code may take, per machine, under TCG; all of it is taken in the end.
 * Copies are many and short-lived; the few that are kept ready have done before what they are then
 * asked for.
 */
#define TCG_CODE_CACHE_MIB 256
#define TCG_CODE_CACHE_OF_COPY_MIB 32
#define TCG_CODE_CACHE_OF_SPARE_MIB 128

/*
 * Without these two the qube's kernel copies memory by wide moves, instead of by a string
 * instruction that is emulated byte by byte: channels are two to five times faster.
 */
#define TCG_PROCESSOR "max,-erms,-fsrm"

/*
 * QEMU's emulation crashes now and then (7.2: once in fifteen boots) when one processor changes
 * the memory map, as the set-up of PCI devices does, while another writes to a device: its own
 * interrupt controller is enough. So the kernel boots on one, and the qube's late set-up switches
 * the others on. A kernel that thinks it is alone takes the locks out of its code, and puts them
 * back when the second comes: seven megabytes written to, and all that was translated is void.
 */
#define HELD_BACK_PROCESSORS " maxcpus=1 noreplace-smp"

/*
 * The emulated counter is the host's clock, the same on all processors; a kernel that is not told
 * asks the emulated HPET instead, and each look at the clock leaves the qube.
 */
#define EMULATED_CLOCK " tsc=reliable"
/* What a kernel measures itself, beside other work of the host, is a minute a day off. */
#define EMULATED_CLOCK_SPEED " tsc_early_khz=%u"

/*
 * The BAR of a window memory lies at a multiple of its size; the port's window, as the firmware
 * places it, does not. In twice the size there is such a place.
 */
#define WINDOW_PORT_BYTES (2 * MACHINE_WINDOW_MEMORY_BYTES)

static void
add(struct command_line *line, const char *text)
{
	if (line->argc == COMMAND_LINE_ARGUMENTS_MAX)
		line->is_full = true;
	else
		line->argv[line->argc++] = text_copy(text);
}

static void add_option(struct command_line *line, const char *option, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void
add_option(struct command_line *line, const char *option, const char *format, ...)
{
	AUTO_FREE char *value = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&value, format, arguments) < 0)
		line->is_full = true;
	va_end(arguments);
	if (line->is_full)
		return;
	add(line, option);
	add(line, value);
}

static void
add_json(struct command_line *line, const char *option, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (text == NULL)
		line->is_full = true;
	else
		add_option(line, option, "%s", text);
	free(text);
	json_decref(value);
}

/* Hands a descriptor on and returns its number there. */
static int
pass_fd(struct command_line *line, int fd)
{
	int target = FIRST_FD + (int)line->fd_count;

	if (line->fd_count == COMMAND_LINE_FDS_MAX) {
		line->is_full = true;
		return -1;
	}
	line->fds[line->fd_count++] = (struct child_fd){fd, target};
	return target;
}

bool
disk_name_valid(const char *name)
{
	return name[0] != '\0' && strlen(name) < DISK_NAME_SIZE && text_only_has(name, "-") &&
	       name[0] != '-' && (name[0] < '0' || name[0] > '9');
}

void
disk_node_name(char ret_name[DISK_NODE_NAME_SIZE], const char *disk, size_t index, bool file)
{
	(void)snprintf(ret_name, DISK_NODE_NAME_SIZE, "%.*s-%zu%s", DISK_NAME_SIZE - 1, disk, index,
		file ? "-file" : "");
}

/* Only the first of a writable image is written to. */
static bool
is_read_only(const struct disk_image *image, size_t index)
{
	return image->read_only || index > 0;
}

json_t *
disk_file_node(const struct disk_image *image, size_t index, long long descriptor_set)
{
	char name[DISK_NODE_NAME_SIZE];
	AUTO_FREE char *path = text_format("/dev/fdset/%lld", descriptor_set);

	disk_node_name(name, image->name, index, true);
	return json_pack("{s:s, s:s, s:s, s:b, s:s}", "driver", "file", "node-name", name,
		"filename", path, "read-only", (int)is_read_only(image, index), "discard",
		is_read_only(image, index) ? "ignore" : "unmap");
}

json_t *
disk_format_node(const struct disk_image *image, size_t index)
{
	char name[DISK_NODE_NAME_SIZE], file[DISK_NODE_NAME_SIZE], base[DISK_NODE_NAME_SIZE];
	bool is_raw = image->files[index].format == DISK_FORMAT_RAW;
	json_t *node;

	disk_node_name(name, image->name, index, false);
	disk_node_name(file, image->name, index, true);
	disk_node_name(base, image->name, index + 1, false);
	node = json_pack("{s:s, s:s, s:s, s:b}", "driver", is_raw ? "raw" : "qcow2", "node-name",
		name, "file", file, "read-only", (int)is_read_only(image, index));
	if (!is_read_only(image, index))
		json_object_set_new(node, "discard", json_string("unmap"));
	if (image->is_encrypted && index == 0)
		json_object_set_new(node, "encrypt",
			json_pack("{s:s, s:o}", "format", "luks", "key-secret",
				json_sprintf("key-%s", image->name)));
	/* The chain is the store's: what an image says of its base is never followed. */
	if (!is_raw)
		json_object_set_new(node, "backing",
			index + 1 < image->file_count ? json_string(base) : json_null());
	return node;
}

/*
 * A copy sees the pages of the file until it writes to them. All machines of one file have the same
 * devices; what only one has is plugged in after its start.
 */
static void
add_memory(struct command_line *line, const struct machine_config *config)
{
	const struct machine_memory *memory = config->memory;

	if (memory == NULL) {
		add_option(line, "-object",
			"memory-backend-ram,id=memory,size=%uM,share=off,dump=off",
			config->memory_mib);
		return;
	}
	add_option(line, "-object",
		"memory-backend-file,id=memory,size=%uM,mem-path=/proc/self/fd/%d,share=%s,"
		"dump=off",
		config->memory_mib, pass_fd(line, memory->fd), memory->is_copy ? "off" : "on");
	if (memory->is_copy) {
		line->device_target = pass_fd(line, memory->device_fd);
		add_option(line, "-incoming", "defer");
	}
	/* Another one in each process: a kernel that knows it notices that it was copied. */
	add_option(line, "-device", "vmgenid,guid=auto");
}

static int
code_cache_mib(const struct machine_config *config)
{
	if (config->memory == NULL || !config->memory->is_copy)
		return TCG_CODE_CACHE_MIB;
	return config->is_spare ? TCG_CODE_CACHE_OF_SPARE_MIB : TCG_CODE_CACHE_OF_COPY_MIB;
}

static void
add_base(struct command_line *line, const struct machine_config *config,
	enum acceleration acceleration)
{
	add(line, QEMU_PROGRAM);
	add_option(line, "-name", "guest=%s", config->name);
	if (config->uuid != NULL)
		add_option(line, "-uuid", "%s", config->uuid);
	add(line, "-nodefaults");
	add(line, "-no-user-config");
	add_option(line, "-display", "none");
	add_option(line, "-sandbox", "%s",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	add(line, "-no-reboot");
	add(line, "-S"); /* whoever starts it says when it may run */
	add_memory(line, config);
	add_option(line, "-machine", "%s",
		"q35,memory-backend=memory,usb=off,vmport=off,graphics=off,sata=off,smbus=off");
	if (acceleration == ACCELERATION_KVM) {
		add_option(line, "-accel", "kvm");
		add_option(line, "-cpu", "host");
	} else {
		add_option(line, "-accel", "tcg,tb-size=%d", code_cache_mib(config));
		add_option(line, "-cpu", "%s", TCG_PROCESSOR);
	}
	add_option(line, "-m", "%uM", config->memory_mib);
	add_option(line, "-smp", "%u", config->vcpus);
	add_option(line, "-rtc", "base=utc");
}

static void
add_channels(struct command_line *line, const struct machine_config *config,
	const struct command_line_fds *fds)
{
	add_option(line, "-chardev", "socket,id=qmp,fd=%d,server=on,wait=off",
		pass_fd(line, fds->qmp));
	add_option(line, "-mon", "chardev=qmp,mode=control");
	add_option(line, "-chardev", "socket,id=console,fd=%d,server=on,wait=off",
		pass_fd(line, fds->console));
	add_option(line, "-serial", "chardev:console");
	add_option(line, "-chardev", "socket,id=link,fd=%d,server=on,wait=off",
		pass_fd(line, fds->link));
	add_option(line, "-device", "virtio-serial-pci,id=serial,max_ports=%d,disable-legacy=on",
		config->memory != NULL ? 3 : 2);
	add_option(line, "-device", "virtserialport,bus=serial.0,nr=1,chardev=link,name=%s",
		MACHINE_LINK_PORT);
	if (config->memory == NULL)
		return;
	add_option(line, "-chardev", "socket,id=identity,fd=%d,server=on,wait=off",
		pass_fd(line, fds->identity));
	add_option(line, "-device", "virtserialport,bus=serial.0,nr=2,chardev=identity,name=%s",
		MACHINE_IDENTITY_PORT);
}

static void
add_devices(struct command_line *line)
{
	add_option(line, "-object", "rng-builtin,id=random");
	add_option(line, "-device", "virtio-rng-pci,rng=random,disable-legacy=on");
	add_option(line, "-device", "pvpanic-pci");
	for (int i = 0; i < QEMU_PORTS; i++)
		add_option(line, "-device", "pcie-root-port,id=port-%d,chassis=%d", i, i + 1);
	add_option(line, "-device", "pcie-root-port,id=%s,chassis=%d,pref64-reserve=%lluM",
		QEMU_PORT_WINDOW, QEMU_PORTS + 1, WINDOW_PORT_BYTES >> 20);
}

/* From the bottom up, as each node must exist before it is referred to. */
static void
add_disk(struct command_line *line, const struct disk_image *image)
{
	if (image->is_encrypted)
		add_option(line, "-object", "secret,id=key-%s,format=raw,file=/proc/self/fd/%d",
			image->name, pass_fd(line, image->key_fd));
	for (size_t i = image->file_count; i-- > 0;) {
		int fd = pass_fd(line, image->files[i].fd);

		add_option(line, "-add-fd", "fd=%d,set=%d", fd, fd);
		add_json(line, "-blockdev", disk_file_node(image, i, fd));
		add_json(line, "-blockdev", disk_format_node(image, i));
	}
	add_option(line, "-device",
		"virtio-blk-pci,id=disk-%s,drive=%s-0,serial=%s,disable-legacy=on", image->name,
		image->name, image->name);
}

/* Files are reached by descriptor; the kernel checks their modes only when it opens them. */
static void
add_kernel(struct command_line *line, const struct machine_config *config,
	const struct command_line_processor *processor, const struct command_line_fds *fds)
{
	bool emulated = processor->acceleration == ACCELERATION_TCG;
	AUTO_FREE char *speed = NULL;

	if (fds->kernel < 0)
		return;
	add_option(line, "-kernel", "/proc/self/fd/%d", pass_fd(line, fds->kernel));
	if (fds->initramfs >= 0)
		add_option(line, "-initrd", "/proc/self/fd/%d", pass_fd(line, fds->initramfs));
	if (emulated && processor->counter_khz > 0)
		speed = text_format(EMULATED_CLOCK_SPEED, processor->counter_khz);
	if (config->command_line != NULL)
		add_option(line, "-append", "%s%s%s%s", config->command_line,
			emulated ? EMULATED_CLOCK : "", speed != NULL ? speed : "",
			emulated && config->vcpus > 1 ? HELD_BACK_PROCESSORS : "");
}

static int
check_disks(const struct disk_images *disks, struct err *err)
{
	for (size_t i = 0; disks != NULL && i < disks->count; i++) {
		const struct disk_image *image = &disks->images[i];

		if (!disk_name_valid(image->name) || image->file_count == 0)
			return err_set(err, EINVAL, "disk '%s' is not valid", image->name);
	}
	return 0;
}

int
command_line_build(struct command_line *line, const struct machine_config *config,
	const struct command_line_processor *processor, const struct command_line_fds *fds,
	struct err *err)
{
	*line = (struct command_line){.device_target = -1};
	if (check_disks(config->disks, err) < 0)
		return -1;
	add_base(line, config, processor->acceleration);
	add_channels(line, config, fds);
	add_devices(line);
	for (size_t i = 0; config->disks != NULL && i < config->disks->count; i++)
		add_disk(line, &config->disks->images[i]);
	add_kernel(line, config, processor, fds);
	if (line->is_full || line->fd_count == COMMAND_LINE_FDS_MAX) {
		command_line_finish(line);
		return err_set(err, E2BIG, "machine has too many disks");
	}
	line->fds[line->fd_count++] = (struct child_fd){fds->errors, 2};
	return 0;
}

void
command_line_finish(struct command_line *line)
{
	for (size_t i = 0; i < line->argc; i++)
		free(line->argv[i]);
	*line = (struct command_line){0};
}
