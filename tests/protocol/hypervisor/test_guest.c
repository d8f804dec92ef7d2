/*
 * A real guest: boots, answers over its virtio-serial port, sees its disks come and go, fills its
 * console, is paused and adopted, and ends in each way that a guest can end. Three boots.
 *
 * The guest is made by make-guest into BULKHEAD_TEST_CACHE (default /var/tmp/bulkhead-test-guest).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/hypervisor/console.h"
#include "admin/hypervisor/hypervisor.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/stream.h"
#include "base/text.h"

#define PATIENCE_MS 240000
#define CACHE_DIRECTORY "/var/tmp/bulkhead-test-guest"

static struct loop *loop;
static struct hypervisor *hypervisor;
static char run_directory[] = "/tmp/bulkhead-guest-XXXXXX";
static char *console_log, *cache;
static struct machine *machine;
static struct stream *link_stream;
static char line[1024];
static bool has_line, has_answer;
static int answer_code, stopped, paused;
static enum machine_stop_reason reason;
static uint64_t started_at;

static void
handle_link_data(struct stream *s, struct buf *in, void *data)
{
	const uint8_t *end = memchr(buf_data(in), '\n', buf_len(in));
	size_t length;

	if (end == NULL)
		return;
	length = (size_t)(end - buf_data(in));
	if (length >= sizeof(line))
		fatal("the guest says too much");
	memcpy(line, buf_data(in), length);
	line[length] = '\0';
	buf_consume(in, length + 1);
	has_line = true;
}

static void
handle_link_end(struct stream *s, int error, void *data)
{
}

static const struct stream_handler link_handler = {
	.handle_data = handle_link_data,
	.handle_end = handle_link_end,
};

static void
handle_done(void *data, const struct err *err)
{
	has_answer = true;
	answer_code = err != NULL ? err->code : 0;
	if (err != NULL)
		log_warning("%s", err_message(err));
}

static void
handle_event(struct machine *m, const struct machine_event *event, void *data)
{
	if (event->kind == MACHINE_EVENT_STOPPED)
		stopped++;
	if (event->kind == MACHINE_EVENT_PAUSED)
		paused++;
	reason = event->reason;
}

static void
await(const bool *flag, const int *count, const char *what)
{
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;

	while (!(flag != NULL && *flag) && !(count != NULL && *count > 0)) {
		if (loop_now_ms() > deadline || (stopped > 0 && count != &stopped))
			fatal("no %s; see %s", what, console_log);
		(void)loop_step(loop, 1000);
	}
}

static void
await_success(const char *what)
{
	await(&has_answer, NULL, what);
	has_answer = false;
	if (answer_code != 0)
		fatal("%s: %s", what, strerror(answer_code));
}

static void
say(const char *command)
{
	AUTO_FREE char *text = text_format("%s\n", command);

	has_line = false;
	log_debug("saying %s", command);
	if (stream_send(link_stream, text, strlen(text)) < 0)
		fatal("cannot say '%s'", command);
}

/* Says a command and compares the answer. */
static void
expect(const char *command, const char *expected)
{
	say(command);
	await(&has_line, NULL, command);
	if (!text_equal(line, expected))
		fatal("'%s': the guest said '%s' instead of '%s'", command, line, expected);
}

/* The guest notices changes of its disks a little later. */
static void
expect_in_time(const char *command, const char *expected)
{
	uint64_t deadline = loop_now_ms() + PATIENCE_MS;

	do {
		say(command);
		await(&has_line, NULL, command);
	} while (!text_equal(line, expected) && loop_now_ms() < deadline);
	if (!text_equal(line, expected))
		fatal("'%s': the guest said '%s' instead of '%s'", command, line, expected);
}

static struct disk_image
make_disk(const char *name, bool read_only)
{
	AUTO_FREE char *path = path_join(run_directory, name);
	struct disk_image image = {.read_only = read_only, .file_count = 1};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
		fatal("cannot make a disk");
	if (read_only) {
		close(fd);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	snprintf(image.name, sizeof(image.name), "%s", name);
	image.files[0] = (struct disk_file){fd, DISK_FORMAT_RAW};
	return image;
}

static void
connect_link(void)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = path_join(run_directory, MACHINE_SOCKET_LINK);
	int fd = socket_connect(path, &err);

	if (fd < 0)
		fatal("%s", err_message(&err));
	has_line = false;
	link_stream = stream_create(loop, fd, sizeof(line), sizeof(line), &link_handler, NULL);
}

static void
boot(const struct disk_images *disks, bool with_elf)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *kernel = path_join(cache, "vmlinuz");
	AUTO_FREE char *kernel_elf = path_join(cache, "vmlinux");
	AUTO_FREE char *initramfs = path_join(cache, "initramfs");
	struct machine_config config = {
		.name = "guest",
		.memory_mib = 256,
		.vcpus = 1,
		.kernel = kernel,
		.kernel_elf = with_elf ? kernel_elf : NULL,
		.initramfs = initramfs,
		.command_line = "console=ttyS0 quiet panic=1",
		.disks = disks,
		.run_directory = run_directory,
		.console_log = console_log,
		.uid = geteuid() == 0 ? 65534 : (uid_t)-1,
		.gid = geteuid() == 0 ? 65534 : (gid_t)-1,
	};

	stopped = paused = 0;
	started_at = loop_now_ms();
	machine = hypervisor_start(hypervisor, &config, handle_event, handle_done, NULL, &err);
	if (machine == NULL)
		fatal("%s", err_message(&err));
	await_success("start");
	connect_link();
	machine_resume(machine, handle_done, NULL);
	await_success("resume");
	await(&has_line, NULL, "life from the guest");
	if (!text_equal(line, "up"))
		fatal("the guest said '%s' first", line);
	log_info("%s: up after %llu ms", with_elf ? "vmlinux" : "vmlinuz",
		(unsigned long long)(loop_now_ms() - started_at));
}

static void
expect_stop(enum machine_stop_reason expected)
{
	await(NULL, &stopped, "stop");
	if (reason != expected)
		fatal("the machine stopped for reason %d instead of %d", (int)reason,
			(int)expected);
	machine_destroy(machine);
	machine = NULL;
	stream_destroy(link_stream);
}

static void
adopt(void)
{
	AUTO_ERR struct err err = ERR_INIT;
	pid_t pid = machine_pid(machine);
	unsigned long long start_time = machine_start_time(machine);

	machine_destroy(steal_ptr(machine));
	machine = hypervisor_adopt(hypervisor, "guest", run_directory, console_log, pid, start_time,
		handle_event, handle_done, NULL, &err);
	if (machine == NULL)
		fatal("%s", err_message(&err));
	await_success("adoption");
}

/* All that a running machine can be asked, then the power button. */
static void
test_life(void)
{
	struct disk_images disks = {.count = 2};
	struct disk_image extra = make_disk("extra", false);

	disks.images[0] = make_disk("root", false);
	disks.images[1] = make_disk("modules", true);
	boot(&disks, true);
	expect("disks", "modules:ro root ");
	expect("write", "done");
	machine_attach_disk(machine, &extra, handle_done, NULL);
	await_success("attach");
	expect_in_time("disks", "extra modules:ro root ");
	machine_pause(machine, handle_done, NULL);
	await_success("pause");
	adopt();
	if (machine_state(machine) != MACHINE_PAUSED)
		fatal("the adopted machine is not paused");
	machine_resume(machine, handle_done, NULL);
	await_success("resume");
	machine_detach_disk(machine, "extra", handle_done, NULL);
	await_success("detach");
	expect_in_time("disks", "modules:ro root ");
	machine_attach_disk(machine, &extra, handle_done, NULL);
	await_success("second attach");
	expect_in_time("disks", "extra modules:ro root ");
	expect("noise", "done");
	machine_shut_down(machine, handle_done, NULL);
	await_success("power button");
	expect_stop(MACHINE_STOP_SHUTDOWN);
	close(extra.files[0].fd);
	for (size_t i = 0; i < disks.count; i++)
		close(disks.images[i].files[0].fd);
}

static void
check_console(void)
{
	AUTO_FREE char *old = text_format("%s.old", console_log);
	AUTO_FREE char *text = NULL;
	struct stat st, old_st;

	if (stat(console_log, &st) < 0 || stat(old, &old_st) < 0)
		fatal("the console log is missing");
	if (st.st_size + old_st.st_size > CONSOLE_LOG_MAX_BYTES + 128 * 1024)
		fatal("the console log has grown to %lld bytes",
			(long long)(st.st_size + old_st.st_size));
	if (read_file(old, 2 << 20, &text, NULL, NULL) < 0 || strchr(text, '\033') != NULL ||
		strstr(text, "\\x1b[31m") == NULL)
		fatal("the console log is not safe to look at");
}

static void
make_guest(const char *program)
{
	const char *const argv[] = {program, cache, NULL};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *output = NULL;
	struct child_config config = CHILD_CONFIG_INIT;
	int status;

	config.argv = argv;
	status = child_run(&config, 4096, &output, &err);
	if (status != 0)
		printf("%s", output != NULL ? output : err_message(&err));
	if (status == 77)
		exit(77);
	if (status != 0)
		fatal("the guest can not be made");
}

/* Leaves no process behind, however the test ends. */
static void
end_machine(void)
{
	if (machine != NULL)
		(void)machine_kill(machine);
}

int
main(int argc, char **argv)
{
	log_init("test-guest");
	if (argc != 2)
		fatal("usage: test-guest MAKE-GUEST");
	cache = text_copy(getenv("BULKHEAD_TEST_CACHE") != NULL ? getenv("BULKHEAD_TEST_CACHE")
								: CACHE_DIRECTORY);
	make_guest(argv[1]);
	if (mkdtemp(run_directory) == NULL)
		fatal("no directory");
	console_log = path_join(run_directory, "console.log");
	signal(SIGPIPE, SIG_IGN);
	atexit(end_machine);
	loop = loop_create();
	hypervisor = hypervisor_create(loop, NULL);

	test_life();
	check_console();
	boot(NULL, false);
	say("panic");
	expect_stop(MACHINE_STOP_PANIC);
	boot(NULL, true);
	say("reboot");
	expect_stop(MACHINE_STOP_RESET);

	hypervisor_destroy(hypervisor);
	loop_destroy(loop);
	(void)remove_tree(run_directory, NULL);
	free(console_log);
	free(cache);
	printf("ok\n");
	return 0;
}
