/*
 * The process that the crash test kills: does one operation on the root it is given, from a state
 * that it prepares itself. Crash points are set by its environment.
 *
 * usage: crash-worker prepare|OPERATION|verify
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "harness.h"

#define T_ROOT "vm-templates/template/root"
#define W_PRIVATE "appvms/work/private"
#define C_ROOT "vm-templates/templatecopy/root"

static struct harness h;

static void
must(int result, const char *what)
{
	if (result != 0)
		fatal("%s: %s", what, err_message(&h.err));
}

/*
 * A template with three contents, of which two were overwritten in the last megabyte, and an
 * AppVM with some data; a running AppVM with something unsaved for the operation `stop`.
 */
static void
prepare(void)
{
	harness_add_template(&h, "template", 1);
	harness_add_template(&h, "templatecopy", 1);
	harness_add_app(&h, "work", "template");
	for (unsigned int i = 1; i <= 3; i++) {
		must(harness_start(&h, "template"), "start");
		harness_write(&h, T_ROOT, i, i);
		harness_write(&h, T_ROOT, 9, i);
		must(harness_stop(&h, "template"), "stop");
	}
	must(harness_start(&h, "work"), "start");
	harness_write(&h, W_PRIVATE, 1, 1);
	must(harness_stop(&h, "work"), "stop");
}

static void
prepare_running(void)
{
	must(harness_start(&h, "work"), "start");
	harness_write(&h, W_PRIVATE, 2, 2);
}

static void
operate(const char *operation)
{
	if (text_equal(operation, "start")) {
		must(harness_start(&h, "work"), operation);
	} else if (text_equal(operation, "stop")) {
		must(harness_stop(&h, "work"), operation);
	} else if (text_equal(operation, "create")) {
		harness_add_app(&h, "new", "template");
		must(harness_start(&h, "new"), operation);
		must(harness_stop(&h, "new"), operation);
	} else if (text_equal(operation, "clone")) {
		must(harness_clone(&h, T_ROOT, C_ROOT), operation);
	} else if (text_equal(operation, "remove")) {
		must(harness_remove(&h, "work"), operation);
	} else if (text_equal(operation, "revert")) {
		must(harness_revert(&h, T_ROOT, "2"), operation);
	} else if (text_equal(operation, "turn")) {
		/* Back, and what lies on each other turned round; the newer content has a name. */
		must(storage_take_snapshot(
			     h.storage, STORAGE_POOL_DEFAULT, T_ROOT, "kept", false, &h.err),
			operation);
		must(harness_revert(&h, T_ROOT, "2"), operation);
		harness_wait_idle(&h);
	} else if (text_equal(operation, "deep")) {
		/* Stopped and started at once until there is more than a start puts up with. */
		for (unsigned int i = 4; i <= 7; i++) {
			must(harness_start(&h, "work"), operation);
			harness_write(&h, W_PRIVATE, 1, 1);
			must(harness_stop(&h, "work"), operation);
		}
		must(harness_start(&h, "work"), operation);
		must(harness_stop(&h, "work"), operation);
	} else if (text_equal(operation, "import")) {
		AUTO_FREE char *raw = root_path("/raw.img");
		AUTO_FREE uint8_t *bytes = xcalloc(2, MIB);

		memset(bytes, 1, 2 * MIB);
		must(write_file(raw, bytes, 2 * MIB, 0600, &h.err), operation);
		must(harness_import(&h, W_PRIVATE, raw, DISK_FORMAT_RAW), operation);
	} else if (text_equal(operation, "live")) {
		/* The machine changes over between the two, or has died before. */
		must(harness_begin_live(&h, W_PRIVATE, "live"), operation);
		must(harness_end_live(&h, W_PRIVATE, "live", true), operation);
	} else if (text_equal(operation, "fold")) {
		harness_wait_idle(&h);
	} else {
		fatal("unknown operation '%s'", operation);
	}
}

static bool
exists(const char *vid)
{
	struct volume_info info;
	bool found = storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, vid, &info, NULL) == 0;

	if (found)
		volume_info_finish(&info);
	return found;
}

static void
expect(bool truth, const char *what)
{
	if (!truth)
		fatal("after recovery: %s", what);
}

/* The template's content is the third, or the second after a revert that got that far. */
static void
verify_template(const char *operation)
{
	bool is_third = harness_reads(&h, T_ROOT, 9, 3);

	expect(harness_reads(&h, T_ROOT, 1, 1) && harness_reads(&h, T_ROOT, 2, 2),
		"the template's old data is there");
	if (text_equal(operation, "revert") || text_equal(operation, "turn"))
		expect(is_third || harness_reads(&h, T_ROOT, 9, 2), "the revert is all or nothing");
	else
		expect(is_third && harness_reads(&h, T_ROOT, 3, 3), "the template's data is there");
	/* Undo works: the other content is there too. */
	AUTO_FREE char *revisions = harness_revisions(&h, T_ROOT);
	expect(text_equal(revisions, is_third ? "2" : "3"), "the revision is there");
	must(harness_revert(&h, T_ROOT, revisions), "revert");
	expect(harness_reads(&h, T_ROOT, 9, is_third ? 2 : 3), "the revision has its content");
	must(harness_revert(&h, T_ROOT, is_third ? "3" : "2"), "revert");
}

/* However many are kept: they lie on the content, and that on nothing. */
static size_t
count_states(const char *vid)
{
	AUTO_FREE struct volume_state *states = NULL;
	size_t count;

	harness_wait_idle(&h);
	must(storage_list_states(h.storage, STORAGE_POOL_DEFAULT, vid, &states, &count, &h.err),
		vid);
	for (size_t i = 0; i < count; i++)
		expect(states[i].depth <= (text_equal(states[i].kind, "current") ? 1 : 2),
			"the states are folded");
	return count;
}

static size_t
verify_work(const char *operation)
{
	if (!exists(W_PRIVATE)) {
		expect(text_equal(operation, "remove"), "the qube is there");
		return 0;
	}
	expect(harness_reads(&h, W_PRIVATE, 1, 1), "saved data is there");
	if (text_equal(operation, "stop") || text_equal(operation, "live"))
		expect(harness_reads(&h, W_PRIVATE, 2, 2), "unsaved data was saved");
	/* It still runs, once more. */
	must(harness_start(&h, "work"), "start");
	expect(harness_reads(&h, "appvms/work/root", 2, 2), "the snapshot is right");
	must(harness_stop(&h, "work"), "stop");
	if (text_equal(operation, "live") && harness_revert(&h, W_PRIVATE, "live") == 0)
		expect(harness_reads(&h, W_PRIVATE, 2, 2), "the snapshot has its content");
	if (text_equal(operation, "deep") || text_equal(operation, "import") ||
		text_equal(operation, "live"))
		return count_states(W_PRIVATE);
	return text_equal(operation, "stop") ? 2 : 1;
}

static void
verify(const char *operation)
{
	size_t images = 2; /* the template's content and one revision */
	struct volume_info info;

	harness_wait_idle(&h);
	verify_template(operation);
	images += verify_work(operation);
	must(storage_volume_info(h.storage, STORAGE_POOL_DEFAULT, C_ROOT, &info, NULL), C_ROOT);
	if (info.path[0] != '\0') {
		images++;
		expect(harness_reads(&h, C_ROOT, 9, 3), "the clone is all or nothing");
	}
	volume_info_finish(&info);
	harness_wait_idle(&h);
	if (harness_count_images() != images)
		fatal("after recovery: %zu images instead of %zu", harness_count_images(), images);
	expect(harness_count_bad_images() == 0, "qemu-img finds no fault");
}

int
main(int argc, char **argv)
{
	if (argc < 2 || getenv("BULKHEAD_ROOT") == NULL)
		fatal("usage: BULKHEAD_ROOT=... crash-worker prepare|OPERATION|verify [OPERATION]");
	harness_make_root();
	/* For `stop` the machine is alive until the daemon that stops it has died. */
	if (text_equal(argv[1], "stop") || text_equal(argv[1], "live"))
		h.running = "work";
	harness_open(&h);
	if (text_equal(argv[1], "prepare"))
		prepare();
	else if (text_equal(argv[1], "prepare-running"))
		prepare_running();
	else if (text_equal(argv[1], "verify"))
		verify(argc > 2 ? argv[2] : "");
	else
		operate(argv[1]);
	harness_close(&h);
	return 0;
}
