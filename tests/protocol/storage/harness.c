/* See harness.h. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

#define ANSWER_TIMEOUT_MS 120000

static char root[] = "/tmp/bulkhead-storage-XXXXXX";

void
harness_make_root(void)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *directory = NULL;

	if (getenv("BULKHEAD_ROOT") == NULL) {
		if (mkdtemp(root) == NULL)
			fatal("no temporary directory");
		setenv("BULKHEAD_ROOT", root, 1);
	}
	directory = root_path("/var/lib/qubes");
	if (make_directories(directory, 0700, &err) < 0)
		fatal("%s", err_message(&err));
}

void
harness_remove_root(void)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (remove_tree(root_prefix(), &err) < 0)
		log_error("%s", err_message(&err));
}

static int
run(const char *const *argv, char **ret_output)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct child_config config = CHILD_CONFIG_INIT;
	int status;

	config.argv = argv;
	status = child_run(&config, 65536, ret_output, &err);
	if (status < 0)
		log_error("%s", err_message(&err));
	return status;
}

bool
harness_has_programs(void)
{
	const char *const argv[] = {"qemu-io", "--version", NULL};

	return run(argv, NULL) == 0;
}

static bool
is_running(const char *owner, void *data)
{
	struct harness *h = data;

	return h->running != NULL && text_equal(owner, h->running);
}

void
harness_open(struct harness *h)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = root_path("%s", STORE_PATH);

	h->loop = loop_create();
	h->store = store_open(path, &err);
	if (h->store == NULL)
		fatal("%s", err_message(&err));
	h->storage = storage_create(h->loop, h->store, &err);
	if (h->storage == NULL || storage_recover(h->storage, is_running, h, &err) < 0)
		fatal("%s", err_message(&err));
}

void
harness_close(struct harness *h)
{
	storage_destroy(h->storage);
	store_close(h->store);
	loop_destroy(h->loop);
	disk_images_destroy(h->images);
	err_clear(&h->err);
	*h = (struct harness){.running = h->running};
}

char *
harness_vid(const char *owner, const char *volume)
{
	const char *kind = text_starts_with(owner, "template") ? "vm-templates" : "appvms";

	return text_format("%s/%s/%s", kind, owner, volume);
}

static void
add(struct harness *h, const char *owner, const char *name, const char *source, bool keep,
	int64_t revisions_to_keep)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *vid = harness_vid(owner, name);
	struct volume_config config = {
		.pool = STORAGE_POOL_DEFAULT,
		.vid = vid,
		.name = name,
		.owner = owner,
		.size_bytes = 64 * MIB,
		.rw = true,
		.save_on_stop = keep,
		.snap_on_start = source != NULL,
		.source = source,
		.revisions_to_keep = revisions_to_keep,
	};

	if (storage_add_volume(h->storage, &config, &err) < 0)
		fatal("%s", err_message(&err));
}

void
harness_add_template(struct harness *h, const char *name, int64_t revisions_to_keep)
{
	add(h, name, "root", NULL, true, revisions_to_keep);
	add(h, name, "private", NULL, true, 1);
}

void
harness_add_app(struct harness *h, const char *name, const char *template_name)
{
	AUTO_FREE char *source = harness_vid(template_name, "root");

	add(h, name, "root", source, false, 0);
	add(h, name, "private", NULL, true, 2);
	add(h, name, "volatile", NULL, false, 0);
}

void
harness_await(struct harness *h, const bool *flag)
{
	uint64_t deadline = loop_now_ms() + ANSWER_TIMEOUT_MS;

	while (!*flag) {
		if (loop_now_ms() > deadline)
			fatal("no answer");
		(void)loop_step(h->loop, 1000);
	}
}

static void
handle_done(void *data, const struct err *err)
{
	struct harness *h = data;

	h->answered = true;
	if (err != NULL)
		err_set(&h->err, err->code, "%s", err->message);
}

static void
handle_started(void *data, struct disk_images *images, const struct err *err)
{
	struct harness *h = data;

	disk_images_destroy(h->images);
	h->images = images;
	handle_done(data, err);
}

static void
expect_answer(struct harness *h)
{
	h->answered = false;
	err_clear(&h->err);
}

static int
await_answer(struct harness *h)
{
	if (h->answered)
		fatal("answered from within the call");
	harness_await(h, &h->answered);
	return h->err.code;
}

int
harness_start(struct harness *h, const char *owner)
{
	expect_answer(h);
	storage_start(h->storage, owner, handle_started, h);
	return await_answer(h);
}

int
harness_start_over(struct harness *h, const char *owner, const char *frozen_owner)
{
	expect_answer(h);
	storage_start_over(h->storage, owner, frozen_owner, handle_started, h);
	return await_answer(h);
}

int
harness_freeze(struct harness *h, const char *frozen_owner)
{
	expect_answer(h);
	storage_freeze(h->storage, frozen_owner, handle_done, h);
	return await_answer(h);
}

int
harness_stop(struct harness *h, const char *owner)
{
	expect_answer(h);
	storage_stop(h->storage, owner, handle_done, h);
	return await_answer(h);
}

int
harness_begin_live(struct harness *h, const char *vid, const char *name)
{
	expect_answer(h);
	storage_begin_live_snapshot(h->storage, STORAGE_POOL_DEFAULT, vid, name, handle_started, h);
	return await_answer(h);
}

int
harness_end_live(struct harness *h, const char *vid, const char *name, bool success)
{
	err_clear(&h->err);
	(void)storage_end_live_snapshot(
		h->storage, STORAGE_POOL_DEFAULT, vid, name, success, &h->err);
	return h->err.code;
}

int
harness_revert(struct harness *h, const char *vid, const char *revision)
{
	expect_answer(h);
	storage_revert(h->storage, STORAGE_POOL_DEFAULT, vid, revision, handle_done, h);
	return await_answer(h);
}

int
harness_clone(struct harness *h, const char *from_vid, const char *to_vid)
{
	expect_answer(h);
	storage_clone(h->storage, STORAGE_POOL_DEFAULT, from_vid, STORAGE_POOL_DEFAULT, to_vid,
		handle_done, h);
	return await_answer(h);
}

int
harness_clear(struct harness *h, const char *vid)
{
	expect_answer(h);
	storage_clear(h->storage, STORAGE_POOL_DEFAULT, vid, handle_done, h);
	return await_answer(h);
}

int
harness_import(struct harness *h, const char *vid, const char *path, enum disk_format format)
{
	expect_answer(h);
	storage_import(h->storage, STORAGE_POOL_DEFAULT, vid, path, format, handle_done, h);
	return await_answer(h);
}

int
harness_remove(struct harness *h, const char *owner)
{
	expect_answer(h);
	if (storage_remove_volumes(h->storage, owner, &h->err) < 0)
		return h->err.code;
	storage_await_removal(h->storage, owner, handle_done, h);
	return await_answer(h);
}

void
harness_wait_idle(struct harness *h)
{
	expect_answer(h);
	storage_when_idle(h->storage, handle_done, h);
	(void)await_answer(h);
}

static int
run_io(struct harness *h, const char *vid, const char *command, bool writes)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *output = NULL;
	struct volume_info info;
	int status;

	if (storage_volume_info(h->storage, STORAGE_POOL_DEFAULT, vid, &info, &err) < 0)
		fatal("%s", err_message(&err));
	const char *const writing[] = {"qemu-io", "-f", "qcow2", "-c", command, info.path, NULL};
	const char *const reading[] = {
		"qemu-io", "-r", "-U", "-f", "qcow2", "-c", command, info.path, NULL};
	status = run(writes ? writing : reading, &output);
	volume_info_finish(&info);
	/* qemu-io says it in words only. */
	return status == 0 && (output == NULL || strstr(output, "failed") == NULL) ? 0 : 1;
}

void
harness_write(struct harness *h, const char *vid, unsigned int at, unsigned int byte)
{
	AUTO_FREE char *command = text_format("write -P %u %uM 1M", byte, at);

	if (run_io(h, vid, command, true) != 0)
		fatal("cannot write to '%s'", vid);
}

bool
harness_reads(struct harness *h, const char *vid, unsigned int at, unsigned int byte)
{
	AUTO_FREE char *command = text_format("read -P %u %uM 1M", byte, at);

	return run_io(h, vid, command, false) == 0;
}

/* Calls back for every file below the pool's two directories. */
static size_t
count_files(const char *path, bool bad_only)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		AUTO_FREE char *child = path_join(path, entry->d_name);
		const char *const argv[] = {"qemu-img", "check", "-q", "-f", "qcow2", child, NULL};

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type == DT_DIR)
			count += count_files(child, bad_only);
		else if (!bad_only)
			count++;
		else if (run(argv, NULL) != 0)
			count++;
	}
	if (directory != NULL)
		closedir(directory);
	return count;
}

static size_t
count_in_pool(bool bad_only)
{
	AUTO_FREE char *apps = root_path("/var/lib/qubes/appvms");
	AUTO_FREE char *templates = root_path("/var/lib/qubes/vm-templates");

	return count_files(apps, bad_only) + count_files(templates, bad_only);
}

size_t
harness_count_images(void)
{
	return count_in_pool(false);
}

size_t
harness_count_bad_images(void)
{
	return count_in_pool(true);
}

char *
harness_revisions(struct harness *h, const char *vid)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE struct volume_revision *revisions = NULL;
	char *text = text_copy("");
	size_t count = 0;

	if (storage_list_revisions(
		    h->storage, STORAGE_POOL_DEFAULT, vid, &revisions, &count, &err) < 0)
		fatal("%s", err_message(&err));
	for (size_t i = 0; i < count; i++) {
		char *longer = text_format("%s%s%s", text, i > 0 ? " " : "", revisions[i].id);

		free(text);
		text = longer;
	}
	return text;
}
