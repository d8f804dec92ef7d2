/* QEMU's command line, word for word where it matters, and its descriptors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/hypervisor/command_line.h"

static const struct command_line_fds all_fds = {101, 102, 103, 104, 105, 106};

static struct machine_config
plain_config(void)
{
	return (struct machine_config){
		.name = "work",
		.uuid = "11111111-2222-4333-8444-555555555555",
		.memory_mib = 400,
		.vcpus = 2,
		.command_line = "root=/dev/vda, quiet",
	};
}

/* Whether the words stand in this order, one after the other; ends with NULL. */
static bool
has(const struct command_line *line, const char *first, const char *second)
{
	for (size_t i = 0; i + 1 < line->argc; i++) {
		if (strcmp(line->argv[i], first) == 0 && strcmp(line->argv[i + 1], second) == 0)
			return true;
	}
	return false;
}

static const struct command_line_processor emulated = {ACCELERATION_TCG, 2300014};
static const struct command_line_processor virtualised = {ACCELERATION_KVM, 2300014};

static int
source_of(const struct command_line *line, int target)
{
	for (size_t i = 0; i < line->fd_count; i++) {
		if (line->fds[i].target == target)
			return line->fds[i].source;
	}
	return -1;
}

/* A machine to be frozen and its copies have the same devices; only their memory differs. */
static void
test_memory(void **state)
{
	struct command_line_fds fds = all_fds;
	struct machine_memory memory = {201, -1, false};
	struct machine_config config = plain_config();
	struct command_line line;

	fds.identity = 107;
	config.memory = &memory;
	assert_int_equal(command_line_build(&line, &config, &emulated, &fds, NULL), 0);
	assert_true(has(&line, "-object",
		"memory-backend-file,id=memory,size=400M,mem-path=/proc/self/fd/3,share=on,"
		"dump=off"));
	assert_int_equal(source_of(&line, 3), 201);
	assert_int_equal(line.device_target, -1);
	assert_false(has(&line, "-incoming", "defer"));
	assert_true(has(&line, "-device", "vmgenid,guid=auto"));
	assert_true(has(&line, "-device",
		"virtserialport,bus=serial.0,nr=2,chardev=identity,name=org.bulkhead.identity"));
	command_line_finish(&line);

	memory = (struct machine_memory){201, 202, true};
	assert_int_equal(command_line_build(&line, &config, &emulated, &fds, NULL), 0);
	assert_true(has(&line, "-object",
		"memory-backend-file,id=memory,size=400M,mem-path=/proc/self/fd/3,share=off,"
		"dump=off"));
	assert_int_equal(source_of(&line, line.device_target), 202);
	assert_true(has(&line, "-incoming", "defer"));
	assert_true(has(&line, "-accel", "tcg,tb-size=32"));
	command_line_finish(&line);

	config.is_spare = true;
	assert_int_equal(command_line_build(&line, &config, &emulated, &fds, NULL), 0);
	assert_true(has(&line, "-accel", "tcg,tb-size=128"));
	command_line_finish(&line);
}

static void
test_base(void **state)
{
	struct machine_config config = plain_config();
	struct command_line line;

	assert_int_equal(command_line_build(&line, &config, &emulated, &all_fds, NULL), 0);
	assert_string_equal(line.argv[0], "qemu-system-x86_64");
	assert_null(line.argv[line.argc]);
	assert_true(has(&line, "-name", "guest=work"));
	assert_true(has(&line, "-nodefaults", "-no-user-config"));
	assert_true(has(&line, "-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
	assert_true(has(&line, "-no-reboot", "-S"));
	assert_true(
		has(&line, "-object", "memory-backend-ram,id=memory,size=400M,share=off,dump=off"));
	assert_true(has(&line, "-accel", "tcg,tb-size=256"));
	assert_true(has(&line, "-cpu", "max,-erms,-fsrm"));
	assert_true(has(&line, "-smp", "2"));
	assert_true(has(&line, "-chardev", "socket,id=qmp,fd=3,server=on,wait=off"));
	assert_true(has(&line, "-chardev", "socket,id=console,fd=4,server=on,wait=off"));
	assert_true(has(&line, "-chardev", "socket,id=link,fd=5,server=on,wait=off"));
	assert_true(has(&line, "-device",
		"virtserialport,bus=serial.0,nr=1,chardev=link,name=org.bulkhead.vchan"));
	assert_true(has(
		&line, "-device", "pcie-root-port,id=port-window,chassis=9,pref64-reserve=512M"));
	assert_true(has(&line, "-device", "pvpanic-pci"));
	assert_true(has(&line, "-kernel", "/proc/self/fd/6"));
	assert_true(has(&line, "-initrd", "/proc/self/fd/7"));
	/* Emulated processors wait; real ones do not, nor does a single one. */
	assert_true(has(&line, "-append",
		"root=/dev/vda, quiet tsc=reliable tsc_early_khz=2300014 maxcpus=1 noreplace-smp"));
	assert_int_equal(source_of(&line, 3), 101);
	assert_int_equal(source_of(&line, 4), 103);
	assert_int_equal(source_of(&line, 5), 102);
	assert_int_equal(source_of(&line, 6), 104);
	assert_int_equal(source_of(&line, 7), 105);
	assert_int_equal(source_of(&line, 2), 106);
	assert_int_equal(line.fd_count, 6);
	command_line_finish(&line);

	assert_int_equal(command_line_build(&line, &config, &virtualised, &all_fds, NULL), 0);
	assert_true(has(&line, "-accel", "kvm"));
	assert_true(has(&line, "-cpu", "host"));
	assert_true(has(&line, "-append", "root=/dev/vda, quiet"));
	command_line_finish(&line);

	config.vcpus = 1;
	assert_int_equal(command_line_build(&line, &config, &emulated, &all_fds, NULL), 0);
	assert_true(
		has(&line, "-append", "root=/dev/vda, quiet tsc=reliable tsc_early_khz=2300014"));
	command_line_finish(&line);

	assert_int_equal(
		command_line_build(&line, &config,
			&(struct command_line_processor){ACCELERATION_TCG, 0}, &all_fds, NULL),
		0);
	assert_true(has(&line, "-append", "root=/dev/vda, quiet tsc=reliable"));
	command_line_finish(&line);
}

static void
test_disks(void **state)
{
	struct machine_config config = plain_config();
	struct disk_images disks = {.count = 2};
	struct command_line line;

	config.uuid = NULL;
	disks.images[0] = (struct disk_image){
		.name = "root",
		.files = {{50, DISK_FORMAT_QCOW2}, {51, DISK_FORMAT_QCOW2}},
		.file_count = 2,
	};
	disks.images[1] = (struct disk_image){
		.name = "modules",
		.read_only = true,
		.files = {{52, DISK_FORMAT_RAW}},
		.file_count = 1,
	};
	config.disks = &disks;
	assert_int_equal(command_line_build(&line, &config, &emulated, &all_fds, NULL), 0);
	/* The base first: a node must be there before it is referred to. */
	assert_true(has(&line, "-add-fd", "fd=6,set=6"));
	assert_int_equal(source_of(&line, 6), 51);
	assert_true(has(&line, "-blockdev",
		"{\"driver\":\"file\",\"node-name\":\"root-1-file\","
		"\"filename\":\"/dev/fdset/6\",\"read-only\":true,\"discard\":\"ignore\"}"));
	assert_true(has(&line, "-blockdev",
		"{\"driver\":\"qcow2\",\"node-name\":\"root-1\",\"file\":\"root-1-file\","
		"\"read-only\":true,\"backing\":null}"));
	assert_int_equal(source_of(&line, 7), 50);
	assert_true(has(&line, "-blockdev",
		"{\"driver\":\"file\",\"node-name\":\"root-0-file\","
		"\"filename\":\"/dev/fdset/7\",\"read-only\":false,\"discard\":\"unmap\"}"));
	assert_true(has(&line, "-blockdev",
		"{\"driver\":\"qcow2\",\"node-name\":\"root-0\",\"file\":\"root-0-file\","
		"\"read-only\":false,\"discard\":\"unmap\",\"backing\":\"root-1\"}"));
	assert_true(has(&line, "-device",
		"virtio-blk-pci,id=disk-root,drive=root-0,serial=root,disable-legacy=on"));
	assert_int_equal(source_of(&line, 8), 52);
	assert_true(has(&line, "-blockdev",
		"{\"driver\":\"raw\",\"node-name\":\"modules-0\",\"file\":\"modules-0-file\","
		"\"read-only\":true}"));
	command_line_finish(&line);
}

/* The key is in a file that only the process has, and on no command line. */
static void
test_encrypted_disk(void **state)
{
	struct machine_config config = plain_config();
	struct disk_images disks = {.count = 1};
	struct command_line line;

	disks.images[0] = (struct disk_image){
		.name = "volatile",
		.files = {{60, DISK_FORMAT_QCOW2}},
		.file_count = 1,
		.is_encrypted = true,
		.key_fd = 61,
	};
	config.disks = &disks;
	assert_int_equal(command_line_build(&line, &config, &emulated, &all_fds, NULL), 0);
	assert_true(
		has(&line, "-object", "secret,id=key-volatile,format=raw,file=/proc/self/fd/6"));
	assert_int_equal(source_of(&line, 6), 61);
	assert_int_equal(source_of(&line, 7), 60);
	assert_true(has(&line, "-blockdev",
		"{\"driver\":\"qcow2\",\"node-name\":\"volatile-0\",\"file\":\"volatile-0-file\","
		"\"read-only\":false,\"discard\":\"unmap\",\"encrypt\":{\"format\":\"luks\","
		"\"key-secret\":\"key-volatile\"},\"backing\":null}"));
	command_line_finish(&line);
}

static void
test_longest_chains_fit(void **state)
{
	struct machine_config config = plain_config();
	struct disk_images disks = {.count = DISK_IMAGES_MAX};
	struct command_line line;

	for (size_t i = 0; i < disks.count; i++) {
		disks.images[i].file_count = DISK_CHAIN_MAX;
		(void)snprintf(disks.images[i].name, DISK_NAME_SIZE, "disk%c", 'a' + (char)i);
	}
	config.disks = &disks;
	assert_int_equal(command_line_build(&line, &config, &emulated, &all_fds, NULL), 0);
	assert_true(has(&line, "-kernel", "/proc/self/fd/102"));
	command_line_finish(&line);
}

static void
test_bad_disks(void **state)
{
	static const char *const bad[] = {
		"", "a,b", "a b", "1", "-x", "a=b", "a/b", "a.b", "\x80", "abcdefghijklmno\0x"};
	struct machine_config config = plain_config();
	struct disk_images disks = {.count = 1};
	struct command_line line;

	config.disks = &disks;
	disks.images[0].file_count = 1;
	for (size_t i = 0; i + 1 < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(disks.images[0].name, DISK_NAME_SIZE, "%s", bad[i]);
		assert_int_equal(command_line_build(&line, &config, &emulated, &all_fds, NULL), -1);
	}
	(void)snprintf(disks.images[0].name, DISK_NAME_SIZE, "root");
	disks.images[0].file_count = 0;
	assert_int_equal(command_line_build(&line, &config, &emulated, &all_fds, NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_encrypted_disk),
		cmocka_unit_test(test_longest_chains_fit),
		cmocka_unit_test(test_bad_disks),
	};

	return cmocka_run_group_tests_name("command-line", tests, NULL, NULL);
}
