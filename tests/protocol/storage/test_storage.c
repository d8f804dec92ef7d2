/* Volumes on real qcow2 files, made by qemu-img and written to by qemu-io. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/storage/kernel.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "harness.h"

#define T_ROOT "vm-templates/template/root"
#define A_ROOT "appvms/work/root"
#define A_PRIVATE "appvms/work/private"
#define A_VOLATILE "appvms/work/volatile"

static struct harness h;

static int
set_up(void **state)
{
	harness_make_root();
	harness_open(&h);
	return 0;
}

static int
tear_down(void **state)
{
	h.running = NULL;
	harness_close(&h);
	harness_remove_root();
	return 0;
}

/* One start, one byte in one megabyte, one stop. */
static void
write_once(const char *owner, const char *vid, unsigned int at, unsigned int byte)
{
	assert_int_equal(harness_start(&h, owner), 0);
	harness_write(&h, vid, at, byte);
	assert_int_equal(harness_stop(&h, owner), 0);
}

static void
assert_revisions(const char *vid, const char *expected)
{
	AUTO_FREE char *revisions = harness_revisions(&h, vid);

	assert_string_equal(revisions, expected);
}

static void
test_new_volumes_have_no_files(void **state)
{
	struct volume_info info;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	assert_int_equal(harness_count_images(), 0);
	assert_int_equal(
		storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, A_ROOT, &info, NULL), 0);
	assert_string_equal(info.source, T_ROOT);
	assert_string_equal(info.path, "");
	assert_true(info.rw && info.snap_on_start && !info.save_on_stop && !info.is_outdated);
	assert_int_equal(info.size_bytes, 64 * MIB);
	volume_info_finish(&info);
}

static void
test_start_gives_chains_and_modes(void **state)
{
	struct stat st;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	write_once("template", T_ROOT, 0, 7);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(h.images->count, 3);
	assert_string_equal(h.images->images[0].name, "root");
	assert_string_equal(h.images->images[1].name, "private");
	assert_string_equal(h.images->images[2].name, "volatile");
	assert_int_equal(h.images->images[0].file_count, 2);
	assert_int_equal(h.images->images[1].file_count, 1);
	assert_int_equal(fcntl(h.images->images[0].files[0].fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(fcntl(h.images->images[0].files[1].fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fstat(h.images->images[0].files[0].fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	AUTO_FREE char *directory = root_path("/var/lib/qubes/appvms/work");
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(harness_reads(&h, A_ROOT, 0, 7));
	assert_int_equal(harness_stop(&h, "work"), 0);
}

static void
test_app_keeps_private_only(void **state)
{
	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	assert_int_equal(harness_start(&h, "work"), 0);
	harness_write(&h, A_ROOT, 0, 1);
	harness_write(&h, A_PRIVATE, 0, 2);
	harness_write(&h, A_VOLATILE, 0, 3);
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_int_equal(harness_count_images(), 1);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_true(harness_reads(&h, A_ROOT, 0, 0));
	assert_true(harness_reads(&h, A_PRIVATE, 0, 2));
	assert_true(harness_reads(&h, A_VOLATILE, 0, 0));
	assert_int_equal(harness_stop(&h, "work"), 0);
	/* Nothing was written: no new content, no revision. */
	assert_revisions(A_PRIVATE, "");
	assert_int_equal(harness_count_images(), 1);
	/* Stopping again is nothing. */
	assert_int_equal(harness_stop(&h, "work"), 0);
}

/* The ids of the states that can be gone back to, oldest first. */
struct ids {
	size_t count;
	char id[8][24];
};

static struct ids
revisions_of(const char *vid)
{
	AUTO_FREE char *text = harness_revisions(&h, vid);
	struct ids ids = {0};
	char *rest = text, *word;

	while ((word = strsep(&rest, " ")) != NULL && ids.count < 8) {
		if (word[0] != '\0')
			snprintf(ids.id[ids.count++], sizeof(ids.id[0]), "%s", word);
	}
	return ids;
}

/* Nothing lies on more than one other, and the content on none. */
static void
assert_flat(const char *vid)
{
	AUTO_FREE struct volume_state *states = NULL;
	size_t count;

	assert_int_equal(
		storage_list_states(h.storage, STORAGE_POOL_DEFAULT, vid, &states, &count, NULL),
		0);
	for (size_t i = 0; i < count; i++) {
		assert_string_not_equal(states[i].kind, "passing");
		assert_true(states[i].depth <= (strcmp(states[i].kind, "current") == 0 ? 1 : 2));
	}
}

static void
test_revisions_are_kept_and_folded(void **state)
{
	struct ids ids;

	harness_add_template(&h, "template", 2);
	for (unsigned int i = 1; i <= 6; i++)
		write_once("template", T_ROOT, i, i);
	ids = revisions_of(T_ROOT);
	assert_int_equal(ids.count, 2);
	harness_wait_idle(&h);
	/* Current, two revisions; the private one was never written to. */
	assert_int_equal(harness_count_images(), 3);
	assert_int_equal(harness_count_bad_images(), 0);
	assert_flat(T_ROOT);
	for (unsigned int i = 1; i <= 6; i++)
		assert_true(harness_reads(&h, T_ROOT, i, i));
	/* What the states are called does not depend on which images they are in. */
	assert_string_equal(revisions_of(T_ROOT).id[0], ids.id[0]);
	assert_string_equal(revisions_of(T_ROOT).id[1], ids.id[1]);
	assert_int_equal(harness_revert(&h, T_ROOT, ids.id[0]), 0);
	assert_true(harness_reads(&h, T_ROOT, 4, 4));
	assert_true(harness_reads(&h, T_ROOT, 5, 0));
	/* What was replaced can be gone back to. */
	struct ids after = revisions_of(T_ROOT);
	assert_int_equal(after.count, 2);
	assert_string_equal(after.id[0], ids.id[1]);
	write_once("template", T_ROOT, 10, 10);
	assert_string_equal(revisions_of(T_ROOT).id[0], after.id[1]);
	assert_string_equal(revisions_of(T_ROOT).id[1], ids.id[0]);
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
	assert_int_equal(harness_count_images(), 3);
	assert_true(harness_reads(&h, T_ROOT, 10, 10));
	assert_int_equal(harness_revert(&h, T_ROOT, after.id[1]), 0);
	for (unsigned int i = 1; i <= 6; i++)
		assert_true(harness_reads(&h, T_ROOT, i, i));
	assert_true(harness_reads(&h, T_ROOT, 10, 0));
	assert_int_equal(harness_count_bad_images(), 0);
	assert_int_equal(harness_revert(&h, T_ROOT, ids.id[1]), ENOENT);
	assert_int_equal(harness_revert(&h, T_ROOT, "x"), ENOENT);
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
}

/* Every way in which states come to lie on each other, and every byte of each afterwards. */
static void
test_any_tree_becomes_flat(void **state)
{
	unsigned int seed = 1, contents[40][8] = {0}, now[8] = {0};
	size_t known = 0;
	char names[40][16];

	harness_add_template(&h, "template", 3);
	for (unsigned int round = 1; round <= 18; round++) {
		unsigned int at = (seed = seed * 1103515245U + 12345U) >> 16 & 7;

		write_once("template", T_ROOT, at, round);
		now[at] = round;
		if (round % 3 == 0) {
			snprintf(names[known], sizeof(names[known]), "n%u", round);
			assert_int_equal(storage_take_snapshot(h.storage, STORAGE_POOL_DEFAULT,
						 T_ROOT, names[known], false, NULL),
				0);
			memcpy(contents[known++], now, sizeof(now));
		}
		if (round % 5 == 0 && known > 1) {
			size_t back = (round / 5) % known;

			assert_int_equal(harness_revert(&h, T_ROOT, names[back]), 0);
			memcpy(now, contents[back], sizeof(now));
		}
		if (round % 7 == 0) {
			harness_wait_idle(&h);
			assert_flat(T_ROOT);
		}
	}
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
	assert_int_equal(harness_count_bad_images(), 0);
	for (size_t i = 0; i < known; i++) {
		assert_int_equal(harness_revert(&h, T_ROOT, names[i]), 0);
		for (unsigned int at = 0; at < 8; at++)
			assert_true(harness_reads(&h, T_ROOT, at, contents[i][at]));
		if (i % 3 == 0)
			harness_wait_idle(&h);
	}
}

static void
ignore_answer(void *data, const struct err *err)
{
}

static struct volume_state
state_called(const char *vid, const char *name)
{
	AUTO_FREE struct volume_state *states = NULL;
	struct volume_state found = {0};
	size_t count;

	assert_int_equal(
		storage_list_states(h.storage, STORAGE_POOL_DEFAULT, vid, &states, &count, NULL),
		0);
	for (size_t i = 0; i < count; i++) {
		if (text_equal(states[i].name, name))
			found = states[i];
	}
	return found;
}

static int
take(const char *vid, const char *name, bool while_running)
{
	AUTO_ERR struct err err = ERR_INIT;

	(void)storage_take_snapshot(
		h.storage, STORAGE_POOL_DEFAULT, vid, name, while_running, &err);
	return err.code;
}

static int
drop(const char *vid, const char *which)
{
	AUTO_ERR struct err err = ERR_INIT;

	(void)storage_delete_state(h.storage, STORAGE_POOL_DEFAULT, vid, which, &err);
	return err.code;
}

static void
test_snapshots(void **state)
{
	struct volume_state found;

	harness_add_template(&h, "template", 0);
	harness_add_app(&h, "work", "template");
	assert_int_equal(take(T_ROOT, "early", false), ENOENT);
	assert_int_equal(take(A_VOLATILE, "x", false), EINVAL);
	assert_int_equal(take("appvms/none/private", "x", false), ENOENT);
	write_once("template", T_ROOT, 0, 1);
	static const char *const bad[] = {"", "7", "-a", "a b", "a/b", "a\n", "\xc3\xa4",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(take(T_ROOT, bad[i], false), EINVAL);
	assert_int_equal(take(T_ROOT, "one", false), 0);
	assert_int_equal(take(T_ROOT, "one", false), EEXIST);
	assert_int_equal(take(T_ROOT, "again", false), EEXIST);
	/* Kept though no revisions are. */
	for (unsigned int i = 2; i <= 4; i++)
		write_once("template", T_ROOT, 0, i);
	assert_int_equal(take(T_ROOT, "one", false), EEXIST);
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
	assert_int_equal(harness_count_images(), 2);
	found = state_called(T_ROOT, "one");
	assert_string_equal(found.kind, "revision");
	assert_int_equal(strlen(found.named), 20);
	/* What it costs is what has changed since. */
	assert_true(found.usage_bytes > MIB && found.usage_bytes < 2 * MIB);
	/* While it runs: only what was saved, and only if that is asked for. */
	assert_int_equal(harness_start(&h, "template"), 0);
	harness_write(&h, T_ROOT, 0, 5);
	assert_int_equal(take(T_ROOT, "two", false), EBUSY);
	assert_int_equal(take(T_ROOT, "two", true), 0);
	assert_int_equal(harness_stop(&h, "template"), 0);
	assert_int_equal(harness_revert(&h, T_ROOT, "two"), 0);
	assert_true(harness_reads(&h, T_ROOT, 0, 4));
	/* The replaced content can be gone back to, once, although none are kept. */
	struct ids ids = revisions_of(T_ROOT);
	assert_int_equal(harness_revert(&h, T_ROOT, "one"), 0);
	assert_true(harness_reads(&h, T_ROOT, 0, 1));
	assert_int_equal(harness_revert(&h, T_ROOT, ids.id[ids.count - 1]), 0);
	assert_true(harness_reads(&h, T_ROOT, 0, 5));
	/* Its own content is no change. */
	assert_int_equal(take(T_ROOT, "three", false), 0);
	assert_int_equal(harness_revert(&h, T_ROOT, "three"), 0);
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
	/* Deleting: a name of the content is only a name. */
	assert_int_equal(drop(T_ROOT, "three"), 0);
	assert_true(harness_reads(&h, T_ROOT, 0, 5));
	assert_int_equal(drop(T_ROOT, "three"), ENOENT);
	assert_int_equal(drop(T_ROOT, "one"), 0);
	assert_int_equal(drop(T_ROOT, "two"), 0);
	assert_int_equal(harness_revert(&h, T_ROOT, "one"), ENOENT);
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), 1);
	assert_true(harness_reads(&h, T_ROOT, 0, 5));
}

static char *
path_of(const char *vid)
{
	struct volume_info info;
	char *path;

	assert_int_equal(storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, vid, &info, NULL), 0);
	path = text_copy(info.path);
	volume_info_finish(&info);
	return path;
}

/* What a machine is writing gets a name, and it goes on in another image. */
static void
test_live_snapshots(void **state)
{
	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	write_once("work", A_PRIVATE, 0, 1);
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "early"), EBUSY);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "7"), EINVAL);
	assert_int_equal(harness_begin_live(&h, A_ROOT, "x"), EINVAL);
	assert_int_equal(harness_begin_live(&h, "appvms/none/private", "x"), ENOENT);
	harness_write(&h, A_PRIVATE, 1, 2);
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "live"), 0);
	assert_int_equal(h.images->count, 1);
	assert_int_equal(h.images->images[0].file_count, 1);
	assert_string_equal(h.images->images[0].name, "private");
	assert_int_equal(harness_end_live(&h, A_PRIVATE, "live", true), 0);
	harness_write(&h, A_PRIVATE, 2, 3);
	assert_string_equal(state_called(A_PRIVATE, "live").kind, "revision");
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "live"), EEXIST);
	/* The content that others see is that of the last stop still. */
	harness_add_app(&h, "copy", "template");
	assert_int_equal(harness_clone(&h, A_PRIVATE, "appvms/copy/private"), 0);
	assert_true(harness_reads(&h, "appvms/copy/private", 0, 1));
	assert_true(harness_reads(&h, "appvms/copy/private", 1, 0));
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_true(harness_reads(&h, A_PRIVATE, 1, 2));
	assert_true(harness_reads(&h, A_PRIVATE, 2, 3));
	harness_wait_idle(&h);
	assert_flat(A_PRIVATE);
	assert_int_equal(harness_revert(&h, A_PRIVATE, "live"), 0);
	assert_true(harness_reads(&h, A_PRIVATE, 0, 1));
	assert_true(harness_reads(&h, A_PRIVATE, 1, 2));
	assert_true(harness_reads(&h, A_PRIVATE, 2, 0));
	harness_wait_idle(&h);
	assert_flat(A_PRIVATE);
	assert_int_equal(harness_count_bad_images(), 0);
}

/* The machine says no, or nobody hears what it says. */
static void
test_live_snapshots_that_fail(void **state)
{
	AUTO_FREE char *before = NULL, *after = NULL, *command = NULL;
	size_t images;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	write_once("work", A_PRIVATE, 0, 1);
	assert_int_equal(harness_start(&h, "work"), 0);
	images = harness_count_images();
	before = path_of(A_PRIVATE);
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "live"), 0);
	assert_int_equal(harness_end_live(&h, A_PRIVATE, "live", false), 0);
	after = path_of(A_PRIVATE);
	assert_string_equal(before, after);
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), images);
	assert_int_equal(harness_end_live(&h, A_PRIVATE, "live", true), EBUSY);
	/* The daemon ends, and the machine has not changed over: what it writes is not lost. */
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "live"), 0);
	h.running = "work";
	harness_close(&h);
	harness_open(&h);
	harness_wait_idle(&h);
	/* Which of the two would grow is not known. */
	assert_int_equal(
		storage_resize(h.storage, STORAGE_POOL_DEFAULT, A_PRIVATE, 96 * MIB, NULL), -1);
	command = text_format("qemu-io -f qcow2 -c 'write -q -P 9 3M 1M' %s", before);
	assert_int_equal(system(command), 0);
	h.running = NULL;
	assert_int_equal(harness_stop(&h, "work"), 0);
	harness_wait_idle(&h);
	assert_flat(A_PRIVATE);
	assert_true(harness_reads(&h, A_PRIVATE, 0, 1));
	assert_true(harness_reads(&h, A_PRIVATE, 3, 9));
	assert_string_equal(state_called(A_PRIVATE, "live").id, "");
	/* Of the two the upper one is damaged: the lower one has what was written. */
	free(steal_ptr(before));
	assert_int_equal(harness_start(&h, "work"), 0);
	harness_write(&h, A_PRIVATE, 4, 8);
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "live"), 0);
	before = path_of(A_PRIVATE);
	harness_close(&h);
	assert_int_equal(write_file(before, "garbage", 7, 0600, NULL), 0);
	harness_open(&h);
	assert_true(harness_reads(&h, A_PRIVATE, 3, 9));
	assert_true(harness_reads(&h, A_PRIVATE, 4, 8));
	AUTO_FREE char *aside = text_format("%s.damaged", before);
	assert_int_equal(unlink(aside), 0);
	harness_wait_idle(&h);
	assert_flat(A_PRIVATE);
	/* Nothing was written at all: the state in between is no content of its own. */
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "live"), 0);
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_int_equal(harness_end_live(&h, A_PRIVATE, "live", true), EBUSY);
	assert_true(harness_reads(&h, A_PRIVATE, 3, 9));
	harness_wait_idle(&h);
	assert_flat(A_PRIVATE);
	assert_int_equal(harness_count_bad_images(), 0);
}

static struct {
	int count;
	char text[256];
} asked;

static void
handle_live_fold(const char *owner, const char *name, const char *base_name, void *data)
{
	asked.count++;
	snprintf(asked.text, sizeof(asked.text), "%s %s %s", owner, name, base_name);
	if (data != NULL)
		storage_end_live_fold(data);
}

static void
pass_time(unsigned int seconds)
{
	uint64_t deadline = loop_now_ms() + seconds * 1000;

	while (loop_now_ms() < deadline)
		(void)loop_step(h.loop, 100);
}

/* Started at once after a stop: three images, which the machine is asked to make two. */
static void
test_live_folds(void **state)
{
	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	write_once("work", A_PRIVATE, 0, 1);
	write_once("work", A_PRIVATE, 1, 2);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(h.images->images[1].file_count, 3);
	memset(&asked, 0, sizeof(asked));
	storage_set_live_fold(h.storage, handle_live_fold, NULL);
	storage_look_at_running(h.storage);
	for (int i = 0; i < 1000 && asked.count == 0; i++)
		(void)loop_step(h.loop, 100);
	assert_string_equal(asked.text, "work private private-2.qcow2");
	/* Once is enough, also when it is over, until a machine comes up. */
	storage_look_at_running(h.storage);
	pass_time(2);
	assert_int_equal(asked.count, 1);
	storage_end_live_fold(h.storage);
	storage_set_live_fold(h.storage, handle_live_fold, h.storage);
	for (int i = 0; i < 1000 && asked.count == 1; i++)
		(void)loop_step(h.loop, 100);
	pass_time(3);
	assert_int_equal(asked.count, 2);
	/* After the stop nothing tells of it. */
	harness_write(&h, A_PRIVATE, 2, 3);
	assert_int_equal(harness_stop(&h, "work"), 0);
	harness_wait_idle(&h);
	assert_flat(A_PRIVATE);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(harness_reads(&h, A_PRIVATE, i, i + 1));
	/* Two images are as it should be. */
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(h.images->images[1].file_count, 2);
	storage_look_at_running(h.storage);
	pass_time(2);
	assert_int_equal(asked.count, 2);
	assert_int_equal(harness_stop(&h, "work"), 0);
}

/* What is written to it can not be read without a key that nobody but the machine has. */
static void
test_ephemeral_volume(void **state)
{
	AUTO_FREE char *path = NULL, *command = NULL, *bytes = NULL;
	struct disk_image *image;
	char key[65] = "";
	int found;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	assert_int_equal(
		storage_set_ephemeral(h.storage, STORAGE_POOL_DEFAULT, A_PRIVATE, true, NULL), -1);
	assert_int_equal(
		storage_set_ephemeral(h.storage, STORAGE_POOL_DEFAULT, A_VOLATILE, true, NULL), 0);
	assert_int_equal(harness_start(&h, "work"), 0);
	image = &h.images->images[2];
	assert_string_equal(image->name, "volatile");
	assert_true(image->is_encrypted);
	assert_false(h.images->images[0].is_encrypted || h.images->images[1].is_encrypted);
	assert_int_equal(pread(image->key_fd, key, sizeof(key), 0), 64);
	path = path_of(A_VOLATILE);
	command = text_format("qemu-io --object secret,id=k,data=%s,format=raw --image-opts "
			      "driver=qcow2,encrypt.key-secret=k,file.filename=%s "
			      "-c 'write -q -P 77 0 1M' && ! qemu-io -f qcow2 -c 'read 0 1M' %s "
			      ">/dev/null 2>&1",
		key, path, path);
	assert_int_equal(system(command), 0);
	/* Not a megabyte, not a line of it is to be seen. */
	free(steal_ptr(command));
	command = text_format("grep -qaF MMMMMMMMMMMMMMMM %s", path);
	found = system(command);
	assert_true(WIFEXITED(found) && WEXITSTATUS(found) == 1);
	assert_int_equal(harness_stop(&h, "work"), 0);
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), 0);
	/* Each start has another key; an image that changed its mind is refused. */
	assert_int_equal(harness_start(&h, "work"), 0);
	bytes = xcalloc(1, 65);
	assert_int_equal(pread(h.images->images[2].key_fd, bytes, 65, 0), 64);
	assert_string_not_equal(bytes, key);
	assert_int_equal(
		storage_set_ephemeral(h.storage, STORAGE_POOL_DEFAULT, A_VOLATILE, false, NULL),
		-1);
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_int_equal(
		storage_set_ephemeral(h.storage, STORAGE_POOL_DEFAULT, A_VOLATILE, false, NULL), 0);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_false(h.images->images[2].is_encrypted);
	assert_int_equal(harness_stop(&h, "work"), 0);
}

/* Going back to a smaller state, and from there on: what lay beyond its end does not come back. */
static void
test_folding_states_of_different_sizes(void **state)
{
	harness_add_template(&h, "template", 2);
	write_once("template", T_ROOT, 1, 1);
	assert_int_equal(take(T_ROOT, "small", false), 0);
	assert_int_equal(
		storage_resize(h.storage, STORAGE_POOL_DEFAULT, T_ROOT, 96 * MIB, NULL), 0);
	write_once("template", T_ROOT, 90, 2);
	assert_int_equal(take(T_ROOT, "large", false), 0);
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
	assert_int_equal(harness_revert(&h, T_ROOT, "small"), 0);
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
	assert_int_equal(harness_start(&h, "template"), 0);
	assert_int_equal(h.images->images[0].size_bytes, 96 * MIB);
	assert_true(harness_reads(&h, T_ROOT, 1, 1));
	assert_true(harness_reads(&h, T_ROOT, 90, 0));
	assert_int_equal(harness_stop(&h, "template"), 0);
	assert_int_equal(harness_revert(&h, T_ROOT, "large"), 0);
	assert_true(harness_reads(&h, T_ROOT, 90, 2));
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
	assert_true(harness_reads(&h, T_ROOT, 90, 2));
	assert_int_equal(harness_count_bad_images(), 0);
}

/*
 * A template that is updated again and again while some qube always runs on it: its chain would
 * grow for ever if folding waited for a moment in which none does.
 */
static void
test_updates_under_qubes_that_never_rest(void **state)
{
	AUTO_FREE struct volume_state *states = NULL;
	size_t count;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	harness_add_app(&h, "other", "template");
	write_once("template", T_ROOT, 0, 1);
	for (unsigned int i = 2; i <= 7; i++) {
		const char *qube = i % 2 == 0 ? "work" : "other";
		const char *rests = i % 2 == 0 ? "other" : "work";
		AUTO_FREE char *root = harness_vid(qube, "root");

		assert_int_equal(harness_start(&h, qube), 0);
		assert_true(harness_reads(&h, root, 0, i - 1));
		assert_true(h.images->images[0].file_count <= 3);
		assert_int_equal(harness_stop(&h, rests), 0);
		write_once("template", T_ROOT, 0, i);
		harness_wait_idle(&h);
		assert_true(harness_reads(&h, root, 0, i - 1));
		assert_true(harness_reads(&h, T_ROOT, 0, i));
	}
	assert_int_equal(
		storage_list_states(h.storage, STORAGE_POOL_DEFAULT, T_ROOT, &states, &count, NULL),
		0);
	for (size_t i = 0; i < count; i++)
		assert_true(states[i].depth <= 2);
	assert_int_equal(harness_stop(&h, "other"), 0);
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
}

/* A qube goes at once, also while its states are being folded. */
static void
test_removal_interrupts_folding(void **state)
{
	const char *what = "";
	int percent, found = 0;

	harness_add_template(&h, "template", 1);
	for (unsigned int i = 1; i <= 3; i++)
		write_once("template", T_ROOT, i, i);
	storage_when_idle(h.storage, ignore_answer, NULL);
	for (int i = 0; i < 1000 && found == 0; i++) {
		(void)loop_step(h.loop, 1000);
		found = storage_volume_work(
			h.storage, STORAGE_POOL_DEFAULT, T_ROOT, &what, &percent, NULL);
	}
	assert_int_equal(found, 1);
	assert_string_equal(what, "folding");
	assert_int_equal(harness_remove(&h, "template"), 0);
	assert_int_equal(harness_count_images(), 0);
}

/* A template's update is gone back on before and after the qubes on it were started again. */
static void
test_reverting_a_template_under_qubes(void **state)
{
	struct volume_info info;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	harness_add_app(&h, "other", "template");
	write_once("template", T_ROOT, 0, 1);
	assert_int_equal(harness_start(&h, "work"), 0);
	write_once("template", T_ROOT, 0, 2);
	assert_int_equal(harness_start(&h, "other"), 0);
	assert_int_equal(harness_revert(&h, T_ROOT, revisions_of(T_ROOT).id[0]), 0);
	harness_wait_idle(&h);
	assert_true(harness_reads(&h, A_ROOT, 0, 1));
	assert_true(harness_reads(&h, "appvms/other/root", 0, 2));
	/* The one that was not restarted shows what the template has again. */
	assert_int_equal(
		storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, A_ROOT, &info, NULL), 0);
	assert_false(info.is_outdated);
	volume_info_finish(&info);
	assert_int_equal(storage_volume_info(
				 h.storage, STORAGE_POOL_DEFAULT, "appvms/other/root", &info, NULL),
		0);
	assert_true(info.is_outdated);
	volume_info_finish(&info);
	assert_int_equal(harness_stop(&h, "other"), 0);
	assert_int_equal(harness_start(&h, "other"), 0);
	assert_true(harness_reads(&h, "appvms/other/root", 0, 1));
	assert_int_equal(harness_stop(&h, "other"), 0);
	assert_int_equal(harness_stop(&h, "work"), 0);
	harness_wait_idle(&h);
	assert_flat(T_ROOT);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(h.images->images[0].file_count, 2);
	assert_true(harness_reads(&h, A_ROOT, 0, 1));
	assert_int_equal(harness_stop(&h, "work"), 0);
}

static void
test_no_revisions_is_one_file(void **state)
{
	harness_add_template(&h, "template", 0);
	for (unsigned int i = 1; i <= 4; i++)
		write_once("template", T_ROOT, i, i);
	assert_revisions(T_ROOT, "");
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), 1);
	for (unsigned int i = 1; i <= 4; i++)
		assert_true(harness_reads(&h, T_ROOT, i, i));
}

static void
test_app_stays_on_the_old_template(void **state)
{
	struct volume_info info;

	harness_add_template(&h, "template", 0);
	harness_add_app(&h, "work", "template");
	write_once("template", T_ROOT, 0, 1);
	assert_int_equal(harness_start(&h, "work"), 0);
	for (unsigned int i = 2; i <= 4; i++) {
		write_once("template", T_ROOT, 0, i);
		harness_wait_idle(&h);
		assert_true(harness_reads(&h, A_ROOT, 0, 1));
		assert_true(harness_reads(&h, T_ROOT, 0, i));
	}
	assert_int_equal(
		storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, A_ROOT, &info, NULL), 0);
	assert_true(info.is_outdated && info.is_running);
	volume_info_finish(&info);
	assert_int_equal(harness_stop(&h, "work"), 0);
	harness_wait_idle(&h);
	/* Only now may the old state go. */
	assert_int_equal(harness_count_images(), 1);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_true(harness_reads(&h, A_ROOT, 0, 4));
	assert_int_equal(harness_stop(&h, "work"), 0);
}

/* Its own machine's content, on which others start, until it is dropped. */
static void
test_frozen(void **state)
{
	AUTO_FREE char *before = NULL;
	AUTO_FREE char *same = NULL;
	AUTO_FREE char *after = NULL;
	size_t images;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	harness_add_app(&h, "other", "template");
	write_once("template", T_ROOT, 0, 1);
	assert_int_equal(storage_define_frozen(h.storage, "work", 64 * MIB, NULL), 0);
	assert_int_equal(storage_describe_start(h.storage, "@work", &before, NULL), 0);
	harness_wait_idle(&h);
	images = harness_count_images();
	assert_int_equal(harness_start(&h, "@work"), 0);
	assert_true(harness_reads(&h, "frozen/work/root", 0, 1));
	harness_write(&h, "frozen/work/root", 1, 2);
	harness_write(&h, "frozen/work/volatile", 1, 3);
	assert_int_equal(harness_freeze(&h, "@work"), 0);
	assert_int_equal(harness_freeze(&h, "@work"), ENOENT);

	/* Both what it lay on and what it wrote; what is written now is not the frozen one's. */
	assert_int_equal(harness_start_over(&h, "other", "@work"), 0);
	assert_true(harness_reads(&h, "appvms/other/root", 0, 1));
	assert_true(harness_reads(&h, "appvms/other/root", 1, 2));
	assert_true(harness_reads(&h, "appvms/other/volatile", 1, 3));
	assert_int_equal(storage_drop_frozen(h.storage, "@work", NULL), 0);
	harness_wait_idle(&h);
	assert_true(harness_reads(&h, "appvms/other/root", 1, 2));
	assert_int_equal(harness_stop(&h, "other"), 0);
	assert_int_equal(harness_start_over(&h, "other", "@work"), ENOENT);
	harness_wait_idle(&h);

	/* Equal as long as what a start shows is. */
	assert_int_equal(storage_describe_start(h.storage, "@work", &same, NULL), 0);
	assert_string_equal(before, same);
	write_once("template", T_ROOT, 0, 4);
	assert_int_equal(storage_describe_start(h.storage, "@work", &after, NULL), 0);
	assert_string_not_equal(before, after);

	assert_int_equal(storage_remove_frozen(h.storage, "work", NULL), 0);
	harness_wait_idle(&h);
	assert_true(harness_count_images() <= images + 1); /* a private volume that was started */
	assert_int_equal(harness_count_bad_images(), 0);
}

static void
test_clone(void **state)
{
	harness_add_template(&h, "template", 1);
	harness_add_template(&h, "template2", 1);
	harness_add_app(&h, "work", "template");
	write_once("template", T_ROOT, 1, 1);
	write_once("template", T_ROOT, 2, 2);
	/* From a running source: its last committed state. */
	assert_int_equal(harness_start(&h, "template"), 0);
	harness_write(&h, T_ROOT, 3, 3);
	assert_int_equal(harness_clone(&h, T_ROOT, "vm-templates/template2/root"), 0);
	assert_int_equal(harness_clone(&h, "vm-templates/template2/root", T_ROOT), EBUSY);
	assert_int_equal(harness_stop(&h, "template"), 0);
	assert_true(harness_reads(&h, "vm-templates/template2/root", 1, 1));
	assert_true(harness_reads(&h, "vm-templates/template2/root", 2, 2));
	assert_true(harness_reads(&h, "vm-templates/template2/root", 3, 0));
	/* A single file (copied), and back: the replaced content is a revision. */
	assert_int_equal(harness_clone(&h, "vm-templates/template2/root", T_ROOT), 0);
	assert_true(harness_reads(&h, T_ROOT, 3, 0));
	harness_wait_idle(&h);
	assert_int_equal(harness_revert(&h, T_ROOT, "3"), 0);
	assert_true(harness_reads(&h, T_ROOT, 3, 3));
	assert_int_equal(harness_clone(&h, T_ROOT, A_ROOT), EINVAL);
	assert_int_equal(harness_clone(&h, T_ROOT, T_ROOT), EINVAL);
	assert_int_equal(harness_clone(&h, T_ROOT, "appvms/no/root"), ENOENT);
	/* An empty one too. */
	assert_int_equal(harness_clone(&h, A_PRIVATE, "vm-templates/template2/root"), 0);
	assert_int_equal(harness_start(&h, "template2"), 0);
	assert_true(harness_reads(&h, "vm-templates/template2/root", 1, 0));
	assert_int_equal(harness_stop(&h, "template2"), 0);
	harness_wait_idle(&h);
	assert_int_equal(harness_count_bad_images(), 0);
}

static void
test_clear_and_import(void **state)
{
	AUTO_FREE char *raw = root_path("/raw.img");
	AUTO_FREE char *garbage = root_path("/garbage.img");
	AUTO_FREE uint8_t *bytes = malloc(2 * MIB);
	struct volume_info info;

	memset(bytes, 5, 2 * MIB);
	assert_int_equal(write_file(raw, bytes, 2 * MIB, 0600, NULL), 0);
	assert_int_equal(write_file(garbage, bytes, 4096, 0600, NULL), 0);
	harness_add_template(&h, "template", 1);
	write_once("template", T_ROOT, 1, 1);
	assert_int_equal(harness_clear(&h, T_ROOT), 0);
	assert_int_equal(harness_start(&h, "template"), 0);
	assert_true(harness_reads(&h, T_ROOT, 1, 0));
	assert_int_equal(harness_stop(&h, "template"), 0);
	assert_revisions(T_ROOT, "1");
	assert_int_equal(harness_import(&h, T_ROOT, raw, DISK_FORMAT_RAW), 0);
	assert_true(harness_reads(&h, T_ROOT, 1, 5));
	assert_int_equal(
		storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, T_ROOT, &info, NULL), 0);
	/* As large as what was imported, and what was replaced can be gone back to. */
	assert_int_equal(info.size_bytes, 2 * MIB);
	assert_true(info.usage_bytes >= 2 * MIB && info.usage_bytes < 16 * MIB);
	volume_info_finish(&info);
	size_t images = harness_count_images();
	assert_int_equal(harness_import(&h, T_ROOT, garbage, DISK_FORMAT_QCOW2), EBADMSG);
	assert_int_equal(harness_import(&h, T_ROOT, "/nowhere/x", DISK_FORMAT_RAW), ENOENT);
	assert_int_equal(harness_import(&h, T_ROOT, "raw.img", DISK_FORMAT_RAW), EINVAL);
	assert_int_equal(harness_count_images(), images);
	assert_true(harness_reads(&h, T_ROOT, 1, 5));
}

static void
test_resize(void **state)
{
	struct volume_info info;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	write_once("template", T_ROOT, 1, 1);
	assert_int_equal(
		storage_resize(h.storage, STORAGE_POOL_DEFAULT, T_ROOT, 128 * MIB, NULL), 0);
	assert_int_equal(
		storage_resize(h.storage, STORAGE_POOL_DEFAULT, T_ROOT, 64 * MIB, NULL), -1);
	assert_int_equal(
		storage_resize(h.storage, STORAGE_POOL_DEFAULT, T_ROOT, VOLUME_SIZE_MAX + 1, NULL),
		-1);
	write_once("template", T_ROOT, 100, 2);
	write_once("template", T_ROOT, 101, 2);
	write_once("template", T_ROOT, 102, 2);
	harness_wait_idle(&h);
	assert_true(harness_reads(&h, T_ROOT, 1, 1));
	assert_true(harness_reads(&h, T_ROOT, 100, 2));
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(h.images->images[0].size_bytes, 128 * MIB);
	assert_true(harness_reads(&h, A_ROOT, 102, 2));
	assert_int_equal(
		storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, A_ROOT, &info, NULL), 0);
	assert_int_equal(info.size_bytes, 128 * MIB);
	volume_info_finish(&info);
	assert_int_equal(harness_stop(&h, "work"), 0);
}

static void
test_remove_leaves_nothing(void **state)
{
	AUTO_FREE char *directory = root_path("/var/lib/qubes/appvms/work");
	struct stat st;
	char **vids;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	for (unsigned int i = 1; i <= 3; i++)
		write_once("work", A_PRIVATE, i, i);
	write_once("template", T_ROOT, 0, 1);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(harness_remove(&h, "work"), EBUSY);
	assert_int_equal(harness_remove(&h, "template"), EBUSY);
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_int_equal(harness_remove(&h, "work"), 0);
	assert_int_equal(stat(directory, &st), -1);
	assert_int_equal(storage_list_vids(h.storage, STORAGE_POOL_DEFAULT, &vids, NULL), 0);
	assert_string_equal(vids[0], "vm-templates/template/private");
	assert_string_equal(vids[1], T_ROOT);
	assert_null(vids[2]);
	storage_free_vids(vids);
	/* A new one of the same name is a new one, also if the old images were still there. */
	harness_add_app(&h, "work", "template");
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_true(harness_reads(&h, A_PRIVATE, 1, 0));
	assert_int_equal(harness_stop(&h, "work"), 0);
}

static void
test_vanished_and_corrupt_images(void **state)
{
	AUTO_FREE char *path = root_path("/var/lib/qubes/" T_ROOT "-2.qcow2");
	AUTO_FREE char *base = root_path("/var/lib/qubes/" T_ROOT "-1.qcow2");
	AUTO_FREE char *aside = root_path("/aside");
	size_t images;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	harness_add_app(&h, "other", "template");
	write_once("template", T_ROOT, 0, 1);
	write_once("template", T_ROOT, 1, 1);
	write_once("other", "appvms/other/private", 1, 1);
	images = harness_count_images();
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(harness_start(&h, "work"), ENOENT);
	assert_non_null(strstr(h.err.message, "root-2.qcow2"));
	assert_int_equal(harness_count_images(), images - 1);
	/* Said at the next start of the daemon, and the rest works. */
	harness_close(&h);
	harness_open(&h);
	assert_true(harness_reads(&h, "appvms/other/private", 1, 1));
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(rename(base, aside), 0);
	assert_int_equal(harness_start(&h, "work"), ENOENT);
	assert_int_equal(write_file(base, "garbage", 7, 0600, NULL), 0);
	assert_int_equal(harness_start(&h, "work"), EBADMSG);
	assert_int_equal(rename(aside, base), 0);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_true(harness_reads(&h, A_ROOT, 1, 1));
	assert_int_equal(harness_stop(&h, "work"), 0);
}

/* A machine whose process was taken over could write any name of a base into its image. */
static void
test_lying_image_is_refused(void **state)
{
	AUTO_FREE char *path = root_path("/var/lib/qubes/" A_PRIVATE "-1.qcow2");
	AUTO_FREE char *command =
		text_format("qemu-img rebase -q -u -f qcow2 -F raw -b /etc/passwd %s", path);

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	write_once("work", A_PRIVATE, 0, 1);
	assert_int_equal(system(command), 0);
	assert_int_equal(harness_start(&h, "work"), EBADMSG);
	assert_non_null(strstr(h.err.message, "/etc/passwd"));
	harness_add_app(&h, "copy", "template");
	assert_int_equal(harness_clone(&h, A_PRIVATE, "appvms/copy/private"), EBADMSG);
}

static void
test_dead_machine_is_settled(void **state)
{
	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	assert_int_equal(harness_start(&h, "work"), 0);
	harness_write(&h, A_PRIVATE, 0, 9);
	harness_write(&h, A_ROOT, 0, 9);
	/* Alive: all stays as it is. */
	harness_close(&h);
	h.running = "work";
	harness_open(&h);
	assert_true(harness_reads(&h, A_ROOT, 0, 9));
	/* Dead: saved, and the rest dropped. */
	harness_close(&h);
	h.running = NULL;
	harness_open(&h);
	assert_true(harness_reads(&h, A_PRIVATE, 0, 9));
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), 1);
	/* The daemon lived, and nobody told it to stop: the next start saves too. */
	assert_int_equal(harness_start(&h, "work"), 0);
	harness_write(&h, A_PRIVATE, 1, 8);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_true(harness_reads(&h, A_PRIVATE, 1, 8));
	assert_int_equal(harness_stop(&h, "work"), 0);
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), 2);
}

static void
test_strays_are_left_alone(void **state)
{
	AUTO_FREE char *directory = root_path("/var/lib/qubes/appvms/lost");
	AUTO_FREE char *lost = path_join(directory, "private-3.qcow2");
	AUTO_FREE char *dropped = root_path("/var/lib/qubes/" A_VOLATILE "-1.qcow2");
	struct stat st;

	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_int_equal(make_directories(directory, 0700, NULL), 0);
	assert_int_equal(write_file(lost, "x", 1, 0600, NULL), 0);
	assert_int_equal(write_file(dropped, "x", 1, 0600, NULL), 0);
	harness_close(&h);
	harness_open(&h);
	assert_int_equal(stat(lost, &st), 0);
	assert_int_equal(stat(dropped, &st), -1);
	/* A lost image is never written over either. */
	harness_add_app(&h, "lost", "template");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(harness_start(&h, "lost"), 0);
		assert_int_equal(harness_stop(&h, "lost"), 0);
	}
	assert_int_equal(stat(lost, &st), 0);
	assert_int_equal(st.st_size, 1);
}

static void
test_missing_qemu_img(void **state)
{
	AUTO_FREE char *search = text_copy(getenv("PATH"));

	harness_add_template(&h, "template", 1);
	/* Of a size that nobody had: what was made once needs no program. */
	assert_int_equal(
		storage_resize(h.storage, STORAGE_POOL_DEFAULT, T_ROOT, 65 * MIB, NULL), 0);
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(harness_start(&h, "template"), ENOENT);
	assert_non_null(strstr(h.err.message, "cannot run"));
	setenv("PATH", search, 1);
	assert_int_equal(harness_start(&h, "template"), 0);
	assert_int_equal(harness_stop(&h, "template"), 0);
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), 0);
}

static bool
mount_small(const char *directory, const char *options)
{
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("tmpfs", directory, "tmpfs", 0, options) == 0)
		return true;
	print_message("not allowed to mount here\n");
	return false;
}

/* Takes what is free, to the last page, or gives it back. */
static void
fill_disk(void)
{
	AUTO_FREE char *path = root_path("/var/lib/qubes/filler");
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	char page[4096] = {1};

	while (write(fd, page, sizeof(page)) > 0)
		;
}

static void
free_disk(void)
{
	AUTO_FREE char *path = root_path("/var/lib/qubes/filler");

	assert_int_equal(unlink(path), 0);
}

/* Said in one line, which names the volume or what it is about. */
static void
assert_full(int code)
{
	assert_int_equal(code, ENOSPC);
	assert_true(strstr(h.err.message, "No space left on device") != NULL ||
		    strstr(h.err.message, "full") != NULL);
	assert_null(strchr(h.err.message, '\n'));
}

/* What only writes rows may find room for them; else nothing has happened. */
static bool
was_done(int code)
{
	if (code != 0)
		assert_full(code);
	return code == 0;
}

/* The whole disk is full, the store's as well: before each operation, and not any more after it. */
static void
test_full_disk_at_each_step(void **state)
{
	AUTO_FREE char *directory = root_path("/var/lib/qubes");
	AUTO_FREE char *raw = root_path("/raw.img");
	AUTO_FREE uint8_t *bytes = xcalloc(1, MIB);
	AUTO_ERR struct err err = ERR_INIT;
	struct volume_info info;
	size_t images;
	bool done;

	harness_close(&h);
	if (!mount_small(directory, "size=32m,mode=0700")) {
		harness_open(&h);
		skip();
	}
	harness_open(&h);
	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	harness_add_app(&h, "copy", "template");
	write_once("work", A_PRIVATE, 0, 1);
	images = harness_count_images();

	fill_disk();
	assert_full(harness_start(&h, "work"));
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), images);
	free_disk();

	/* What was written is saved, now or at the next start. */
	assert_int_equal(harness_start(&h, "work"), 0);
	harness_write(&h, A_PRIVATE, 1, 2);
	fill_disk();
	done = was_done(harness_stop(&h, "work"));
	free_disk();
	if (!done)
		assert_int_equal(harness_start(&h, "work"), 0);
	assert_true(harness_reads(&h, A_PRIVATE, 0, 1) && harness_reads(&h, A_PRIVATE, 1, 2));
	assert_int_equal(harness_stop(&h, "work"), 0);

	/* Folding is put off. */
	write_once("work", A_PRIVATE, 0, 3);
	fill_disk();
	harness_wait_idle(&h);
	assert_true(harness_reads(&h, A_PRIVATE, 0, 3) && harness_reads(&h, A_PRIVATE, 1, 2));
	free_disk();
	harness_close(&h);
	harness_open(&h);
	harness_wait_idle(&h);
	assert_flat(A_PRIVATE);
	assert_int_equal(harness_count_bad_images(), 0);
	struct ids ids = revisions_of(A_PRIVATE);
	assert_int_equal(harness_revert(&h, A_PRIVATE, ids.id[ids.count - 1]), 0);
	assert_true(harness_reads(&h, A_PRIVATE, 0, 1) && harness_reads(&h, A_PRIVATE, 1, 2));
	harness_wait_idle(&h);

	/* A snapshot of what runs: the machine goes on where it was. */
	assert_int_equal(harness_start(&h, "work"), 0);
	harness_write(&h, A_PRIVATE, 2, 4);
	images = harness_count_images();
	fill_disk();
	assert_full(harness_begin_live(&h, A_PRIVATE, "live"));
	free_disk();
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), images);
	assert_int_equal(harness_begin_live(&h, A_PRIVATE, "live"), 0);
	assert_int_equal(harness_end_live(&h, A_PRIVATE, "live", true), 0);
	assert_int_equal(harness_stop(&h, "work"), 0);
	harness_wait_idle(&h);

	/* Content from elsewhere: that which is there stays. */
	memset(bytes, 5, MIB);
	assert_int_equal(write_file(raw, bytes, MIB, 0600, NULL), 0);
	images = harness_count_images();
	fill_disk();
	assert_full(harness_import(&h, A_PRIVATE, raw, DISK_FORMAT_RAW));
	assert_full(harness_clone(&h, A_PRIVATE, "appvms/copy/private"));
	free_disk();
	harness_wait_idle(&h);
	assert_int_equal(harness_count_images(), images);
	assert_true(harness_reads(&h, A_PRIVATE, 2, 4));

	/* Rows alone. */
	fill_disk();
	done = was_done(harness_revert(&h, A_PRIVATE, "live"));
	assert_true(harness_reads(&h, A_PRIVATE, 2, 4));
	if (storage_resize(h.storage, STORAGE_POOL_DEFAULT, A_PRIVATE, 80 * MIB, &err) < 0)
		assert_int_equal(err.code, ENOSPC);
	free_disk();
	assert_int_equal(
		storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, A_PRIVATE, &info, NULL), 0);
	assert_int_equal(info.size_bytes, err.code == 0 ? 80 * MIB : 64 * MIB);
	volume_info_finish(&info);
	harness_wait_idle(&h);
	assert_flat(A_PRIVATE);
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_true(harness_reads(&h, A_PRIVATE, 2, 4));
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_int_equal(harness_count_bad_images(), 0);
	harness_close(&h);
	assert_int_equal(umount2(directory, MNT_DETACH), 0);
	harness_open(&h);
}

/* The store's writes fail from here on, or work again. */
static void
forbid_writing(bool is_forbidden)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = is_forbidden ? 0 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
stop_in_vain(const char *owner)
{
	forbid_writing(true);
	assert_int_not_equal(harness_stop(&h, owner), 0);
	forbid_writing(false);
	assert_false(storage_is_settled(h.storage, owner));
}

static void
run_loop(uint64_t ms)
{
	uint64_t end_ms = loop_now_ms() + ms;

	while (loop_now_ms() < end_ms)
		(void)loop_step(h.loop, 100);
}

static void
await_settled(const char *owner)
{
	for (int i = 0; i < 600 && !storage_is_settled(h.storage, owner); i++)
		run_loop(100);
	assert_true(storage_is_settled(h.storage, owner));
}

/* A stop that the store did not take is tried again, but not under a machine that runs by then. */
static void
test_failed_stop(void **state)
{
	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	assert_int_equal(harness_start(&h, "work"), 0);
	harness_write(&h, A_PRIVATE, 1, 1);
	stop_in_vain("work");
	assert_int_equal(storage_remove_volumes(h.storage, "work", NULL), -1);
	await_settled("work");
	assert_true(harness_reads(&h, A_PRIVATE, 1, 1));

	assert_int_equal(harness_start(&h, "work"), 0);
	harness_write(&h, A_PRIVATE, 2, 2);
	stop_in_vain("work");
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_true(storage_is_settled(h.storage, "work"));
	run_loop(5000);
	assert_int_equal(storage_remove_volumes(h.storage, "work", NULL), -1);
	harness_write(&h, A_PRIVATE, 3, 3);
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_true(harness_reads(&h, A_PRIVATE, 2, 2) && harness_reads(&h, A_PRIVATE, 3, 3));

	assert_int_equal(harness_start(&h, "work"), 0);
	stop_in_vain("work");
	await_settled("work");
	assert_int_equal(storage_remove_volumes(h.storage, "work", NULL), 0);
}

/* The qubes' directory alone is on a tiny file system: room for one new image, not for three. */
static void
test_full_disk(void **state)
{
	AUTO_FREE char *directory = root_path("/var/lib/qubes/appvms");
	AUTO_FREE char *raw = root_path("/raw.img");
	AUTO_FREE uint8_t *bytes = xcalloc(1, MIB);

	memset(bytes, 5, MIB);
	harness_add_template(&h, "template", 1);
	harness_add_app(&h, "work", "template");
	write_once("template", T_ROOT, 1, 1);
	assert_int_equal(make_directories(directory, 0700, NULL), 0);
	if (!mount_small(directory, "size=36k,mode=0700"))
		skip();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(harness_start(&h, "work"), ENOSPC);
		assert_non_null(strstr(h.err.message, "No space left on device"));
		/* The template's, and nothing half-made. */
		assert_int_equal(harness_count_images(), 1);
	}
	assert_int_equal(harness_clone(&h, T_ROOT, A_PRIVATE), ENOSPC);
	assert_int_equal(harness_count_images(), 1);
	assert_int_equal(write_file(raw, bytes, MIB, 0600, NULL), 0);
	assert_int_equal(harness_import(&h, A_PRIVATE, raw, DISK_FORMAT_RAW), ENOSPC);
	assert_int_equal(harness_count_images(), 1);
	assert_int_equal(umount2(directory, MNT_DETACH), 0);
	/* With room again, as if nothing had been. */
	assert_int_equal(harness_start(&h, "work"), 0);
	assert_int_equal(harness_stop(&h, "work"), 0);
	assert_true(harness_reads(&h, T_ROOT, 1, 1));
}

static void
assert_refused(const struct volume_config *config)
{
	AUTO_ERR struct err err = ERR_INIT;

	assert_int_equal(storage_add_volume(h.storage, config, &err), -1);
	assert_string_equal(err.kind, "StoragePoolException");
}

static void
test_bad_configurations(void **state)
{
	struct volume_config good = {
		.pool = STORAGE_POOL_DEFAULT,
		.vid = "appvms/a/private",
		.name = "private",
		.owner = "a",
		.size_bytes = MIB,
		.rw = true,
		.save_on_stop = true,
	};
	static const char *const bad_vids[] = {"", "appvms", "appvms/", "appvms/a", "appvms/a/",
		"appvms/../x", "appvms/a/../../x", "appvms//private", "other/a/private",
		"/appvms/a/private", "appvms/a/private/", "appvms/a/pri.vate", "appvms/a/-x",
		"appvms/-a/private", "appvms/a/abcdefghijklmnop", "vm-templates"};
	struct volume_config bad;

	for (size_t i = 0; i < sizeof(bad_vids) / sizeof(bad_vids[0]); i++) {
		bad = good;
		bad.vid = bad_vids[i];
		assert_refused(&bad);
	}
	bad = good;
	bad.size_bytes = 0;
	assert_refused(&bad);
	bad.size_bytes = UINT64_MAX;
	assert_refused(&bad);
	bad = good;
	bad.pool = "nowhere";
	assert_refused(&bad);
	bad = good;
	bad.snap_on_start = true;
	assert_refused(&bad);
	bad.save_on_stop = false;
	bad.source = "appvms/b/root";
	assert_refused(&bad);
	bad = good;
	bad.revisions_to_keep = -2;
	assert_refused(&bad);
	assert_int_equal(storage_add_volume(h.storage, &good, NULL), 0);
	assert_refused(&good);
}

static void
test_transactions_of_the_caller(void **state)
{
	char **vids;

	assert_int_equal(store_begin(h.store, NULL), 0);
	harness_add_template(&h, "template", 1);
	store_rollback(h.store);
	assert_int_equal(storage_list_vids(h.storage, STORAGE_POOL_DEFAULT, &vids, NULL), 0);
	assert_null(vids[0]);
	storage_free_vids(vids);
}

static void
test_kernels(void **state)
{
	AUTO_FREE char *directory = root_path("%s/6.1", KERNEL_DIRECTORY);
	AUTO_FREE char *image = path_join(directory, "vmlinuz");
	AUTO_FREE char *modules = path_join(directory, "modules.img");
	struct disk_images *images = disk_images_create();
	struct kernel_files files;
	struct volume_info info;
	char **versions;

	assert_int_equal(kernel_find("6.1", &files, NULL), -1);
	assert_int_equal(make_directories(directory, 0755, NULL), 0);
	assert_int_equal(write_file(image, "x", 1, 0644, NULL), 0);
	assert_int_equal(write_file(modules, "abc", 3, 0644, NULL), 0);
	assert_int_equal(kernel_find("../6.1", &files, NULL), -1);
	assert_int_equal(kernel_find("6.1", &files, NULL), 0);
	assert_null(files.vmlinux);
	assert_int_equal(kernel_add_modules(&files, images, NULL), 0);
	assert_int_equal(images->count, 1);
	assert_string_equal(images->images[0].name, "modules");
	kernel_files_finish(&files);
	disk_images_destroy(images);
	assert_int_equal(storage_list_vids(h.storage, STORAGE_POOL_KERNEL, &versions, NULL), 0);
	assert_string_equal(versions[0], "6.1");
	assert_null(versions[1]);
	storage_free_vids(versions);
	assert_int_equal(
		storage_volume_info(h.storage, STORAGE_POOL_KERNEL, "6.1", &info, NULL), 0);
	assert_int_equal(info.size_bytes, 3);
	assert_false(info.rw);
	volume_info_finish(&info);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_volumes_have_no_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_start_gives_chains_and_modes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_app_keeps_private_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_revisions_are_kept_and_folded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_any_tree_becomes_flat, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_snapshots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_live_snapshots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_live_snapshots_that_fail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ephemeral_volume, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_live_folds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_folding_states_of_different_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_reverting_a_template_under_qubes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_updates_under_qubes_that_never_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_removal_interrupts_folding, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_revisions_is_one_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_app_stays_on_the_old_template, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_frozen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clear_and_import, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resize, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_remove_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_vanished_and_corrupt_images, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lying_image_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dead_machine_is_settled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strays_are_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_qemu_img, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk_at_each_step, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_configurations, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_transactions_of_the_caller, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kernels, set_up, tear_down),
	};

	if (!harness_has_programs()) {
		printf("SKIP: qemu-io (package qemu-utils) is missing\n");
		return 77;
	}
	return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
