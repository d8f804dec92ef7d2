/*
 * Real QEMU processes, paused or without anything to boot: starting, events, adoption by another
 * object as after a restart of the daemon, disks that come and go, ends of every kind.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/hypervisor/hypervisor.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define PATIENCE_MS 120000
#define TEST_UID 65534

static struct loop *loop;
static struct hypervisor *hypervisor;
static char run_directory[] = "/tmp/bulkhead-machine-XXXXXX";
static char *console_log;

/* What was heard. */
static struct {
	bool answered;
	int code;
	char kind[64], message[512];
	int paused, resumed, stopped;
	enum machine_stop_reason reason;
	char detail[512];
} heard;

static void
handle_done(void *data, const struct err *err)
{
	heard.answered = true;
	heard.code = err != NULL ? err->code : 0;
	snprintf(heard.kind, sizeof(heard.kind), "%s",
		err != NULL && err->kind != NULL ? err->kind : "");
	snprintf(heard.message, sizeof(heard.message), "%s", err != NULL ? err_message(err) : "");
}

static void
handle_event(struct machine *m, const struct machine_event *event, void *data)
{
	if (event->kind == MACHINE_EVENT_PAUSED)
		heard.paused++;
	else if (event->kind == MACHINE_EVENT_RESUMED)
		heard.resumed++;
	else
		heard.stopped++;
	heard.reason = event->reason;
	snprintf(heard.detail, sizeof(heard.detail), "%s", event->detail);
}

static void
await(const bool *flag, const int *count)
{
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;

	while (!(flag != NULL && *flag) && !(count != NULL && *count > 0)) {
		if (loop_now_ms() > deadline)
			fail_msg("nothing was heard in time");
		(void)loop_step(loop, 1000);
	}
}

static int
await_answer(void)
{
	assert_false(heard.answered);
	await(&heard.answered, NULL);
	heard.answered = false;
	return heard.code;
}

static int
set_up(void **state)
{
	memset(&heard, 0, sizeof(heard));
	strcpy(run_directory + strlen(run_directory) - 6, "XXXXXX");
	if (mkdtemp(run_directory) == NULL)
		return -1;
	console_log = path_join(run_directory, "console.log");
	loop = loop_create();
	hypervisor = hypervisor_create(loop, NULL);
	return hypervisor != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	hypervisor_destroy(hypervisor);
	loop_destroy(loop);
	free(console_log);
	return remove_tree(run_directory, NULL);
}

static struct machine_config
plain_config(void)
{
	return (struct machine_config){
		.name = "work",
		.memory_mib = 32,
		.vcpus = 1,
		.run_directory = run_directory,
		.console_log = console_log,
		.uid = geteuid() == 0 ? TEST_UID : (uid_t)-1,
		.gid = geteuid() == 0 ? TEST_UID : (gid_t)-1,
	};
}

static struct machine *
start_with(const struct machine_config *config)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct machine *m =
		hypervisor_start(hypervisor, config, handle_event, handle_done, NULL, &err);

	if (m == NULL)
		fail_msg("%s", err_message(&err));
	return m;
}

static struct machine *
start_plain(void)
{
	struct machine_config config = plain_config();
	struct machine *m = start_with(&config);

	assert_int_equal(machine_state(m), MACHINE_STARTING);
	if (await_answer() != 0)
		fail_msg("%s", heard.message);
	assert_int_equal(machine_state(m), MACHINE_PAUSED);
	return m;
}

static void
end(struct machine *m)
{
	assert_int_equal(machine_kill(m), 0);
	await(NULL, &heard.stopped);
	assert_int_equal(heard.reason, MACHINE_STOP_KILLED);
	assert_int_equal(machine_state(m), MACHINE_STOPPED);
	machine_destroy(m);
}

static void
test_start_resume_pause_kill(void **state)
{
	struct machine *m = start_plain();

	machine_resume(m, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	await(NULL, &heard.resumed);
	assert_int_equal(machine_state(m), MACHINE_RUNNING);
	machine_pause(m, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	await(NULL, &heard.paused);
	assert_int_equal(machine_state(m), MACHINE_PAUSED);
	assert_string_equal(heard.detail, "");
	machine_shut_down(m, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	end(m);
	assert_int_equal(heard.paused, 1);
	assert_int_equal(heard.resumed, 1);
}

static void
test_process_has_nothing_of_ours(void **state)
{
	struct machine *m = start_plain();
	AUTO_FREE char *status_path = text_format("/proc/%d/status", (int)machine_pid(m));
	AUTO_FREE char *status = NULL;
	AUTO_FREE char *link_path = path_join(run_directory, MACHINE_SOCKET_LINK);
	AUTO_FREE char *qmp_path = path_join(run_directory, MACHINE_SOCKET_QMP);
	struct stat st;

	assert_int_equal(read_file(status_path, 65536, &status, NULL, NULL), 0);
	/* QEMU's sandbox is a filter, and under a user of its own it has no capabilities. */
	assert_non_null(strstr(status, "Seccomp:\t2"));
	assert_int_equal(stat(link_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	if (geteuid() == 0) {
		/* It can not even connect to itself, and so fill what waits there. */
		assert_int_equal(st.st_uid, 0);
		assert_non_null(strstr(status, "Uid:\t65534\t65534\t65534\t65534"));
		assert_non_null(strstr(status, "CapEff:\t0000000000000000"));
		assert_int_equal(stat(qmp_path, &st), 0);
		assert_int_equal(st.st_uid, 0);
	}
	AUTO_FD int fd = socket_connect(link_path, NULL);
	assert_true(fd >= 0);
	end(m);
}

static void
test_killed_from_outside(void **state)
{
	struct machine *m = start_plain();

	assert_int_equal(kill(machine_pid(m), SIGKILL), 0);
	await(NULL, &heard.stopped);
	assert_int_equal(heard.reason, MACHINE_STOP_CRASHED);
	/* Requests to what is gone are answered too. */
	machine_pause(m, handle_done, NULL);
	assert_int_not_equal(await_answer(), 0);
	assert_int_equal(machine_kill(m), -ESRCH);
	machine_destroy(m);
}

static void
test_ended_politely_from_outside(void **state)
{
	struct machine *m = start_plain();

	assert_int_equal(kill(machine_pid(m), SIGTERM), 0);
	await(NULL, &heard.stopped);
	assert_int_equal(heard.reason, MACHINE_STOP_CRASHED);
	assert_string_equal(heard.detail, "host-signal");
	machine_destroy(m);
}

static void
test_adoption(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct machine *m = start_plain();
	pid_t pid = machine_pid(m);
	unsigned long long start_time = machine_start_time(m);

	machine_resume(m, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	machine_destroy(m);

	/* A wrong start time is another process. */
	m = hypervisor_adopt(hypervisor, "work", run_directory, console_log, pid, start_time + 1,
		handle_event, handle_done, NULL, &err);
	assert_null(m);
	assert_int_equal(err.code, ESRCH);

	m = hypervisor_adopt(hypervisor, "work", run_directory, console_log, pid, start_time,
		handle_event, handle_done, NULL, &err);
	assert_non_null(m);
	assert_int_equal(await_answer(), 0);
	assert_int_equal(machine_state(m), MACHINE_RUNNING);
	machine_pause(m, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	machine_destroy(m);

	/* Whoever listens there. */
	m = hypervisor_adopt(hypervisor, "work", run_directory, NULL, 0, 0, handle_event,
		handle_done, NULL, &err);
	assert_non_null(m);
	assert_int_equal(await_answer(), 0);
	assert_int_equal(machine_pid(m), pid);
	assert_int_equal(machine_start_time(m), start_time);
	assert_int_equal(machine_state(m), MACHINE_PAUSED);
	end(m);

	m = hypervisor_adopt(hypervisor, "work", run_directory, NULL, 0, 0, handle_event,
		handle_done, NULL, &err);
	assert_null(m);
	assert_int_equal(err.code, ESRCH);
}

/* The whole controlling process dies, not only its objects. */
static void
test_survives_its_daemon(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	int ends[2];
	struct machine *m;
	pid_t pid, daemon_pid;

	assert_int_equal(pipe(ends), 0);
	daemon_pid = fork();
	assert_true(daemon_pid >= 0);
	if (daemon_pid == 0) {
		loop = loop_create();
		hypervisor = hypervisor_create(loop, NULL);
		m = start_plain();
		pid = machine_pid(m);
		if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		raise(SIGKILL);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
	close(ends[0]);
	assert_int_equal(waitpid(daemon_pid, NULL, 0), daemon_pid);
	m = hypervisor_adopt(hypervisor, "work", run_directory, console_log, 0, 0, handle_event,
		handle_done, NULL, &err);
	assert_non_null(m);
	assert_int_equal(await_answer(), 0);
	assert_int_equal(machine_pid(m), pid);
	machine_resume(m, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	end(m);
}

static void
test_too_much_memory(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct machine_config config = plain_config();

	config.memory_mib = MACHINE_MEMORY_MIB_MAX;
	assert_null(hypervisor_start(hypervisor, &config, handle_event, handle_done, NULL, &err));
	assert_string_equal(err.kind, "QubesMemoryError");
	assert_string_equal(err.message, "Not enough memory to start domain 'work'");
	config.memory_mib = 1;
	assert_null(hypervisor_start(hypervisor, &config, handle_event, handle_done, NULL, &err));
	assert_int_equal(err.code, EINVAL);
}

static struct disk_image
open_disk(const char *name, const char *path)
{
	struct disk_image image = {.size_bytes = 1 << 20, .file_count = 1};

	snprintf(image.name, sizeof(image.name), "%s", name);
	image.files[0] =
		(struct disk_file){open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), DISK_FORMAT_RAW};
	assert_true(image.files[0].fd >= 0);
	assert_int_equal(ftruncate(image.files[0].fd, 1 << 20), 0);
	return image;
}

static void
test_start_that_fails(void **state)
{
	struct machine_config config = plain_config();
	AUTO_FREE char *path = path_join(run_directory, "disk");
	struct disk_images disks = {.count = 1};
	struct machine *m;

	/* A raw file given as qcow2: QEMU says no, and we pass its words on. */
	disks.images[0] = open_disk("root", path);
	disks.images[0].files[0].format = DISK_FORMAT_QCOW2;
	config.disks = &disks;
	m = start_with(&config);
	assert_int_not_equal(await_answer(), 0);
	assert_non_null(strstr(heard.message, "qcow2"));
	assert_int_equal(heard.stopped, 0);
	assert_int_equal(machine_state(m), MACHINE_STOPPED);
	machine_destroy(m);
	close(disks.images[0].files[0].fd);
}

static void
run_qemu_img(const char *const *argv)
{
	struct child_config config = CHILD_CONFIG_INIT;

	config.argv = argv;
	assert_int_equal(child_run(&config, 4096, NULL, NULL), 0);
}

/* root.1 on root.0, as storage hands them out. */
static struct disk_image
open_chain(const char *name)
{
	AUTO_FREE char *base = path_join(run_directory, "chain-base");
	AUTO_FREE char *top = path_join(run_directory, "chain-top");
	const char *const make_base[] = {
		"qemu-img", "create", "-q", "-f", "qcow2", base, "4M", NULL};
	const char *const make_top[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F",
		"qcow2", top, "4M", NULL};
	struct disk_image image = {.size_bytes = 4 << 20, .file_count = 2};

	run_qemu_img(make_base);
	run_qemu_img(make_top);
	snprintf(image.name, sizeof(image.name), "%s", name);
	image.files[0] = (struct disk_file){open(top, O_RDWR | O_CLOEXEC), DISK_FORMAT_QCOW2};
	image.files[1] = (struct disk_file){open(base, O_RDONLY | O_CLOEXEC), DISK_FORMAT_QCOW2};
	/* The path in the header leads nowhere: only descriptors count. */
	assert_int_equal(unlink(base), 0);
	assert_int_equal(unlink(top), 0);
	return image;
}

static void
test_disks_of_the_start(void **state)
{
	struct machine_config config = plain_config();
	AUTO_FREE char *path = path_join(run_directory, "disk");
	struct disk_images disks = {.count = 2};
	struct machine *m;

	disks.images[0] = open_chain("root");
	disks.images[1] = open_disk("modules", path);
	/* As storage does it: the descriptor allows no more than is needed. */
	disks.images[1].read_only = true;
	close(disks.images[1].files[0].fd);
	disks.images[1].files[0].fd = open(path, O_RDONLY | O_CLOEXEC);
	config.disks = &disks;
	m = start_with(&config);
	if (await_answer() != 0)
		fail_msg("%s", heard.message);
	machine_resize_disk(m, "root", 8 << 20, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	machine_resize_disk(m, "private", 8 << 20, handle_done, NULL);
	assert_int_not_equal(await_answer(), 0);
	machine_resize_disk(m, "../x", 8 << 20, handle_done, NULL);
	assert_int_equal(await_answer(), EINVAL);
	end(m);
	for (size_t i = 0; i < disks.count; i++) {
		for (size_t j = 0; j < disks.images[i].file_count; j++)
			close(disks.images[i].files[j].fd);
	}
}

/* Images of these names, each on the one before; the second is filled with twos. */
static struct disk_image
open_deep(const char *const *names, size_t count)
{
	struct disk_image image = {.name = "root", .size_bytes = 64 << 20, .file_count = count};

	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *path = path_join(run_directory, names[i]);
		const char *const bottom[] = {
			"qemu-img", "create", "-q", "-f", "qcow2", path, "64M", NULL};
		const char *const over[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b",
			i > 0 ? names[i - 1] : "", "-F", "qcow2", path, "64M", NULL};
		const char *const fill[] = {
			"qemu-io", "-f", "qcow2", "-c", "write -q -P 2 0 64M", path, NULL};
		size_t at = count - 1 - i;

		run_qemu_img(i == 0 ? bottom : over);
		if (i == 1)
			run_qemu_img(fill);
		image.files[at] = (struct disk_file){
			open(path, (at == 0 ? O_RDWR : O_RDONLY) | O_CLOEXEC), DISK_FORMAT_QCOW2};
	}
	return image;
}

/* What an image says that it lies on, and whether all of it reads as twos up to a place. */
static void
assert_image(const char *name, const char *base, const char *read)
{
	AUTO_FREE char *path = path_join(run_directory, name);
	AUTO_FREE char *info = NULL, *output = NULL;
	AUTO_FREE char *expected = text_format("\"backing-filename\": \"%s\"", base);
	const char *const ask[] = {"qemu-img", "info", "-U", "--output=json", path, NULL};
	const char *const look[] = {"qemu-io", "-r", "-f", "qcow2", "-c", read, path, NULL};
	struct child_config config = CHILD_CONFIG_INIT;

	config.argv = ask;
	assert_int_equal(child_run(&config, 16384, &info, NULL), 0);
	assert_non_null(strstr(info, expected));
	if (read == NULL)
		return;
	config.argv = look;
	if (child_run(&config, 16384, &output, NULL) != 0)
		fail_msg("%s: %s", name, output);
	assert_null(strstr(output, "failed"));
}

/* Those of the run directory that the process has open. */
static int
count_images(struct machine *m)
{
	ino_t inodes[64];
	int found = 0;

	for (int fd = 0; fd < 1024; fd++) {
		AUTO_FREE char *path = text_format("/proc/%d/fd/%d", (int)machine_pid(m), fd);
		char target[256] = "";
		bool seen = false;
		struct stat st;

		/* Their names have one letter. */
		if (readlink(path, target, sizeof(target) - 1) < 0 || stat(path, &st) < 0 ||
			!S_ISREG(st.st_mode) || !text_starts_with(target, run_directory) ||
			strlen(target) != strlen(run_directory) + 2)
			continue;
		for (int i = 0; i < found; i++)
			seen = seen || inodes[i] == st.st_ino;
		if (!seen && found < 64)
			inodes[found++] = st.st_ino;
	}
	return found;
}

/* While it runs: four images become two, the machine goes on in another one, and the disk grows. */
static void
test_disks_change_while_it_runs(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct machine_config config = plain_config();
	struct disk_images disks = {.count = 1};
	struct disk_image next = {.name = "root", .file_count = 1}, odd = next;
	AUTO_FREE char *odd_path = path_join(run_directory, "odd");
	AUTO_FREE char *path = path_join(run_directory, "e");
	const char *const make_next[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "d",
		"-F", "qcow2", path, "64M", NULL};
	struct machine *m;

	disks.images[0] = open_deep(names, 4);
	config.disks = &disks;
	m = start_with(&config);
	assert_int_equal(await_answer(), 0);
	machine_resume(m, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	/* What somebody waits for comes first. */
	machine_fold_disk(m, "root", "c", handle_done, NULL);
	for (int i = 0; i < 10; i++)
		(void)loop_step(loop, 20);
	assert_false(heard.answered);
	machine_resize_disk(m, "root", 96 << 20, handle_done, NULL);
	assert_int_equal(await_answer(), ECANCELED);
	assert_int_equal(await_answer(), 0);
	assert_image("d", "c", NULL);
	machine_fold_disk(m, "root", "c", handle_done, NULL);
	if (await_answer() != 0)
		fail_msg("%s", heard.message);
	assert_image("d", "c", NULL);
	assert_int_equal(count_images(m), 2);
	machine_fold_disk(m, "root", "c", handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	machine_fold_disk(m, "private", "a", handle_done, NULL);
	assert_int_not_equal(await_answer(), 0);
	/* The new image was made before the disk grew. */
	run_qemu_img(make_next);
	next.files[0] = (struct disk_file){open(path, O_RDWR | O_CLOEXEC), DISK_FORMAT_QCOW2};
	machine_switch_disk(m, &next, handle_done, NULL);
	if (await_answer() != 0)
		fail_msg("%s", heard.message);
	/* No image: refused, and the machine goes on as before. */
	assert_int_equal(write_file(odd_path, "x", 1, 0600, NULL), 0);
	odd.files[0] = (struct disk_file){open(odd_path, O_RDWR | O_CLOEXEC), DISK_FORMAT_QCOW2};
	machine_switch_disk(m, &odd, handle_done, NULL);
	assert_int_equal(await_answer(), EIO);
	machine_resize_disk(m, "root", 128 << 20, handle_done, NULL);
	assert_int_equal(await_answer(), 0);
	machine_fold_disk(m, "root", "d", handle_done, NULL);
	if (await_answer() != 0)
		fail_msg("%s", heard.message);
	assert_int_equal(count_images(m), 2);
	end(m);
	/* Locks are held as long as anybody has the descriptor. */
	for (size_t i = 0; i < 4; i++)
		close(disks.images[0].files[i].fd);
	close(next.files[0].fd);
	close(odd.files[0].fd);
	assert_image("d", "c", "read -P 2 0 64M");
	assert_image("e", "d", "read -P 2 0 64M");
	assert_image("e", "d", "read -P 0 64M 64M");
}

static void
test_disks_come_and_go(void **state)
{
	struct machine *m = start_plain();
	struct disk_image image = open_chain("extra");
	AUTO_FREE char *path = path_join(run_directory, "disk");
	struct disk_image plain = open_disk("plain", path);

	/* Refused by QEMU at the second node: nothing of the first is left. */
	image.files[0].format = DISK_FORMAT_RAW;
	plain.files[0].format = DISK_FORMAT_QCOW2;
	machine_attach_disk(m, &plain, handle_done, NULL);
	assert_int_not_equal(await_answer(), 0);
	plain.files[0].format = DISK_FORMAT_RAW;
	image.files[0].format = DISK_FORMAT_QCOW2;
	machine_attach_disk(m, &plain, handle_done, NULL);
	if (await_answer() != 0)
		fail_msg("%s", heard.message);
	machine_attach_disk(m, &image, handle_done, NULL);
	if (await_answer() != 0)
		fail_msg("%s", heard.message);
	/* Its name is taken now. */
	machine_attach_disk(m, &image, handle_done, NULL);
	assert_int_not_equal(await_answer(), 0);
	machine_detach_disk(m, "none", handle_done, NULL);
	assert_int_not_equal(await_answer(), 0);
	close(image.files[0].fd);
	close(image.files[1].fd);
	close(plain.files[0].fd);
	end(m);
}

/* A process that has been taken over may say anything on the monitor. */
static void
test_lying_monitor(void **state)
{
	AUTO_FREE char *path = path_join(run_directory, MACHINE_SOCKET_QMP);
	AUTO_FD int listener = socket_listen(path, 0600, NULL);
	static const char *const lies[] = {
		"garbage\n",
		"{\"QMP\": {}}\n{\"QMP\": {}}\n",
		"{\"return\": {}, \"id\": 99}\n",
		"{\"return\": {}}\n",
		"[]\n",
		"{\"event\": 5}\n",
		"{\"event\": \"X\", \"data\": []}\n",
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		AUTO_ERR struct err err = ERR_INIT;
		struct machine *m;
		pid_t liar = fork();

		assert_true(liar >= 0);
		if (liar == 0) {
			/* listen() again: the kernel now names this process to the peer. */
			int fd = listen(listener, 1) == 0 ? accept(listener, NULL, NULL) : -1;

			if (fd < 0 || write(fd, lies[i], strlen(lies[i])) < 0)
				_exit(1);
			for (;;)
				pause();
		}
		unsigned long long start_time = 0;
		assert_int_equal(process_start_time(liar, &start_time), 0);
		m = hypervisor_adopt(hypervisor, "work", run_directory, NULL, liar, start_time,
			handle_event, handle_done, NULL, &err);
		assert_non_null(m);
		/* It is ended, and the adoption fails. */
		assert_int_not_equal(await_answer(), 0);
		assert_int_equal(machine_state(m), MACHINE_STOPPED);
		machine_destroy(m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_start_resume_pause_kill, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_process_has_nothing_of_ours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_from_outside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_ended_politely_from_outside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_adoption, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_survives_its_daemon, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_much_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_start_that_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_disks_of_the_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_disks_change_while_it_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_disks_come_and_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lying_monitor, set_up, tear_down),
	};
	const char *const argv[] = {"qemu-system-x86_64", "--version", NULL};
	struct child_config config = CHILD_CONFIG_INIT;

	config.argv = argv;
	if (child_run(&config, 4096, NULL, NULL) != 0) {
		printf("SKIP: qemu-system-x86_64 is missing\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
