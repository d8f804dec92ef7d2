/* Buffers, damage, input, clipboard, floods: the core against spec gui.md 11 (T numbers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"

#define W1 0x11
#define KEYSYM_A 'a'
#define CHORD_STATE (1U | 4U)

static int
set_up(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	fixture_init(f);
	fixture_connect(f, 8);
	fixture_create(f, W1, 100, 100, 300, 200, false);
	fixture_map(f, W1);
	fixture_forget_output(f);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	fixture_finish(*state);
	free(*state);
	return 0;
}

/* After a violation the next case needs a connection of its own. */
static struct fixture *
start_over(void **state)
{
	tear_down(state);
	set_up(state);
	return *state;
}

static struct gui_message
dump(uint32_t window, uint32_t buffer, uint32_t flags)
{
	return (struct gui_message){
		.type = GUI_WINDOW_DUMP,
		.window = window,
		.dump = {.type = GUI_DUMP_POOL,
			.width = 300,
			.height = 200,
			.buffer_id = buffer,
			.fourcc = GUI_FOURCC_XR24,
			.offset_low = 4096 * buffer,
			.stride = 1280,
			.flags = flags},
	};
}

static int
send_dump(struct fixture *f, uint32_t window, uint32_t buffer, uint32_t flags)
{
	struct gui_message m = dump(window, buffer, flags);

	return fixture_send(f, &m);
}

static int
commit(struct fixture *f, uint32_t buffer, uint32_t serial)
{
	struct gui_message m = {
		.type = GUI_X_COMMIT, .window = W1, .commit = {buffer, serial, 0, 0}};

	return fixture_send(f, &m);
}

static int
damage(struct fixture *f, int32_t x, int32_t y, uint32_t w, uint32_t h)
{
	struct gui_message m = {.type = GUI_SHMIMAGE, .window = W1, .damage = {x, y, w, h}};

	return fixture_send(f, &m);
}

/* The next message of a type, dropping others. */
static bool
receive_type(struct fixture *f, uint32_t type, struct gui_message *ret_message)
{
	while (fixture_receive(f, ret_message)) {
		if (ret_message->type == type)
			return true;
	}
	return false;
}

static void
test_T50_T51_T52_T53(void **state)
{
	struct fixture *f = *state;
	struct gui_message m = dump(W1, 1, 0);

	m.dump.stride = 1196;
	assert_int_equal(fixture_send(f, &m), -1);
	f = start_over(state);
	m = dump(W1, 1, 0);
	m.dump.offset_low = (uint32_t)FIXTURE_POOL_BYTES - 4096 * 64;
	m.dump.height = 4096 * 64 / 1280;
	m.dump.width = 300;
	assert_int_equal(fixture_send(f, &m), 0);
	m.dump.height++;
	assert_int_equal(fixture_send(f, &m), -1);
}

static void
test_T54_acknowledgements(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;

	fixture_create(f, 0x12, 0, 0, 10, 10, false);
	send_dump(f, W1, 1, 0);
	send_dump(f, 0x12, 2, 0);
	send_dump(f, W1, 3, 0);
	assert_false(receive_type(f, GUI_WINDOW_DUMP_ACK, &m));
	fake_display_finish_drawing(&f->display);
	assert_true(receive_type(f, GUI_WINDOW_DUMP_ACK, &m));
	assert_int_equal(m.window, W1);
	assert_true(receive_type(f, GUI_WINDOW_DUMP_ACK, &m));
	assert_int_equal(m.window, 0x12);
	assert_true(receive_type(f, GUI_WINDOW_DUMP_ACK, &m));
	assert_int_equal(m.window, W1);
	assert_false(receive_type(f, GUI_WINDOW_DUMP_ACK, &m));
}

static void
test_T55_T56_T57_damage(void **state)
{
	struct fixture *f = *state;
	struct gui_message m = dump(W1, 1, 0);

	m.dump.width = m.dump.height = 100;
	fixture_send(f, &m);
	core_draw(f->core);
	f->display.draws = f->display.clears = 0;
	assert_int_equal(damage(f, -1, 0, 10, 10), 0);
	assert_int_equal(damage(f, 0, 0, 0xffffffff, 10), 0);
	assert_int_equal(damage(f, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX), 0);
	core_draw(f->core);
	assert_int_equal(f->display.draws, 0);
	damage(f, 90, 90, INT32_MAX, INT32_MAX);
	core_draw(f->core);
	assert_int_equal(f->display.draws, 1);
	assert_int_equal(fixture_view(f, W1)->last_drawn.width, 10);
	assert_true(f->display.clears > 0);
	/* A window that is not shown is not drawn. */
	fixture_bare(f, GUI_UNMAP, W1);
	damage(f, 0, 0, 10, 10);
	core_draw(f->core);
	assert_int_equal(f->display.draws, 1);
}

static void
test_T58_two_buffers(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;

	send_dump(f, W1, 1, GUI_DUMP_EXPLICIT);
	send_dump(f, W1, 2, GUI_DUMP_EXPLICIT);
	assert_int_equal(commit(f, 1, 1), 0);
	core_draw(f->core);
	assert_int_equal(commit(f, 2, 2), 0);
	fake_display_finish_drawing(&f->display);
	assert_false(receive_type(f, GUI_X_RELEASE, &m)); /* its successor was not drawn */
	core_draw(f->core);
	assert_false(receive_type(f, GUI_X_RELEASE, &m)); /* nor arrived */
	fake_display_finish_drawing(&f->display);
	assert_true(receive_type(f, GUI_X_RELEASE, &m));
	assert_int_equal(m.release.buffer_id, 1);
	assert_int_equal(m.release.serial, 1);
	assert_int_equal(commit(f, 1, 3), 0);
	assert_int_equal(commit(f, 2, 4), -1);
}

static void
test_commit_rules(void **state)
{
	struct fixture *f = *state;
	struct gui_message drop = {.type = GUI_X_DROP, .window = W1, .drop = {1}}, m;

	assert_int_equal(commit(f, 7, 1), -1);
	f = start_over(state);
	send_dump(f, W1, 1, GUI_DUMP_EXPLICIT);
	send_dump(f, W1, 2, GUI_DUMP_EXPLICIT);
	assert_int_equal(commit(f, 1, UINT32_MAX), 0);
	assert_int_equal(commit(f, 2, 0), 0); /* serials wrap */
	assert_int_equal(fixture_send(f, &drop), -1);
	f = start_over(state);
	send_dump(f, W1, 1, GUI_DUMP_EXPLICIT);
	assert_int_equal(fixture_send(f, &drop), 0);
	send_dump(f, W1, 1, GUI_DUMP_EXPLICIT);
	commit(f, 1, 5);
	fixture_forget_output(f);
	/* Whatever the window's end, what was lent goes back before. */
	fixture_bare(f, GUI_DESTROY, W1);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_X_RELEASE);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_DESTROY);
}

static void
test_buffer_limits(void **state)
{
	struct fixture *f = *state;

	for (uint32_t id = 1; id <= 4; id++)
		assert_int_equal(send_dump(f, W1, id, GUI_DUMP_EXPLICIT), 0);
	fixture_create(f, 0x12, 0, 0, 10, 10, false);
	assert_int_equal(send_dump(f, W1, 5, GUI_DUMP_EXPLICIT), -1);
	f = start_over(state);
	fixture_create(f, 0x12, 0, 0, 10, 10, false);
	send_dump(f, W1, 1, 0);
	assert_int_equal(send_dump(f, 0x12, 1, 0), -1); /* the id of another's */
}

static void
test_T59_before_caps(void **state)
{
	struct fixture *f = *state;
	uint32_t version = GUI_VERSION(1, 8);

	core_begin(f->core, FIXTURE_POOL_BYTES);
	fixture_send_bytes(f, &version, 4);
	fixture_create(f, W1, 0, 0, 10, 10, false);
	assert_int_equal(send_dump(f, W1, 1, 0), -1);
}

static void
test_T61_grants(void **state)
{
	struct fixture *f = *state;
	struct gui_message m = {.type = GUI_WINDOW_DUMP,
		.window = W1,
		.following = 4,
		.dump = {GUI_DUMP_GRANTS, 32, 32, 24}};
	uint32_t reference = 0;

	assert_int_equal(fixture_send(f, &m), 0);
	assert_int_equal(fixture_send_bytes(f, &reference, 4), 0);
	fake_display_finish_drawing(&f->display);
	assert_true(receive_type(f, GUI_WINDOW_DUMP_ACK, &m));
	m = (struct gui_message){.type = GUI_WINDOW_DUMP,
		.window = W1,
		.following = 4,
		.dump = {GUI_DUMP_GRANTS, 33, 32, 24}};
	assert_int_equal(fixture_send(f, &m), -1);
	f = start_over(state);
	m.dump.type = 7;
	assert_int_equal(fixture_send(f, &m), -1);
}

static void
press(struct fixture *f, uint32_t type, uint32_t state, uint32_t keycode, uint32_t keysym)
{
	struct gui_key key = {.type = type, .state = state, .keycode = keycode};

	core_handle_key(fixture_view(f, W1)->window, &key, keysym, 5000);
}

static void
focus(struct fixture *f, bool in)
{
	core_handle_focus(fixture_view(f, W1)->window, in, CORE_MODE_NORMAL);
}

static void
test_T74_T78_keys_and_focus(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;

	press(f, GUI_EVENT_KEY_PRESS, 0, 38, KEYSYM_A);
	assert_false(fixture_receive(f, &m)); /* without the focus nothing */
	f->display.keys[3] = 8;
	focus(f, true);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_KEYMAP_NOTIFY);
	assert_int_equal(m.window, 0);
	assert_int_equal(m.keymap.bits[3], 8);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_FOCUS);
	press(f, GUI_EVENT_KEY_PRESS, 0, 38, KEYSYM_A);
	press(f, GUI_EVENT_KEY_RELEASE, 0, 38, KEYSYM_A);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.key.keycode, 38);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.key.type, GUI_EVENT_KEY_RELEASE);
	core_handle_focus(fixture_view(f, W1)->window, false, CORE_MODE_GRAB);
	assert_false(fixture_receive(f, &m));
	focus(f, false);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.focus.type, GUI_EVENT_FOCUS_OUT);
	press(f, GUI_EVENT_KEY_PRESS, 0, 38, KEYSYM_A);
	assert_false(fixture_receive(f, &m));
}

static void
test_T75_enter_tells_no_keys(void **state)
{
	struct fixture *f = *state;
	struct gui_crossing enter = {.type = GUI_EVENT_ENTER};
	struct gui_message m;

	memset(f->display.keys, 0xff, sizeof(f->display.keys));
	core_handle_crossing(fixture_view(f, W1)->window, &enter);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_KEYMAP_NOTIFY);
	for (int i = 0; i < GUI_KEYMAP_BYTES; i++)
		assert_int_equal(m.keymap.bits[i], 0);
}

static void
test_motions_are_merged(void **state)
{
	struct fixture *f = *state;
	struct gui_motion motion = {0};
	struct gui_message m;

	for (int x = 0; x < 1000; x++) {
		motion.x = x;
		core_handle_motion(fixture_view(f, W1)->window, &motion);
	}
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.motion.x, 999);
	assert_false(fixture_receive(f, &m));
}

static void
test_T104_stuck(void **state)
{
	struct fixture *f = *state;

	focus(f, true);
	for (int i = 0; i < 400000 && !core_is_stuck(f->core); i++)
		press(f, GUI_EVENT_KEY_PRESS, 0, 38, KEYSYM_A);
	assert_true(core_is_stuck(f->core));
	assert_true(buf_len(core_out(f->core)) <= CORE_OUT_MAX);
}

static void
ask_copy(struct fixture *f)
{
	press(f, GUI_EVENT_KEY_PRESS, CHORD_STATE, 54, 'c');
	press(f, GUI_EVENT_KEY_RELEASE, CHORD_STATE, 54, 'c');
}

static int
answer(struct fixture *f, const char *text, size_t size)
{
	uint32_t header[3] = {GUI_CLIPBOARD_DATA, W1, (uint32_t)size};
	int result = fixture_send_bytes(f, header, sizeof(header));

	return result < 0 ? result : fixture_send_bytes(f, text, size);
}

static void
test_T81_T82_T83_copy(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;

	focus(f, true);
	fixture_forget_output(f);
	ask_copy(f);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_CLIPBOARD_REQ);
	assert_false(fixture_receive(f, &m));
	assert_int_equal(answer(f, "hello", 5), 0);
	assert_int_equal(f->copies, 1);
	assert_string_equal(f->copied, "hello");
	assert_int_equal(f->copy_time, 5000);
	/* Locks do not matter, other modifiers do. */
	press(f, GUI_EVENT_KEY_PRESS, CHORD_STATE | 2 | 16, 54, 'c');
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_CLIPBOARD_REQ);
	press(f, GUI_EVENT_KEY_RELEASE, 0, 54, 'c'); /* its modifiers went up first */
	press(f, GUI_EVENT_KEY_PRESS, CHORD_STATE | 64, 54, 'c');
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_KEYPRESS);
}

static void
test_T84_to_T88_answers(void **state)
{
	struct fixture *f = *state;
	char *much = calloc(1, 256002);

	focus(f, true);
	assert_int_equal(answer(f, "unasked", 7), 0);
	assert_int_equal(f->copies, 0);
	ask_copy(f);
	answer(f, "x", 1);
	answer(f, "", 0);
	assert_int_equal(f->copies, 1);
	ask_copy(f);
	assert_int_equal(answer(f, much, 64001), 0);
	assert_int_equal(f->oversizes, 1);
	ask_copy(f);
	assert_int_equal(answer(f, "", 0), 0);
	assert_int_equal(f->copies, 2);
	assert_int_equal(f->copied_size, 0);
	ask_copy(f);
	fixture_time_ms += 10001;
	answer(f, "late", 4);
	assert_int_equal(f->copies, 2);
	assert_int_equal(answer(f, much, 256002), -1);
	free(much);
}

static void
test_T89_T97_paste(void **state)
{
	struct fixture *f = *state;
	struct gui_message m;

	focus(f, true);
	fixture_forget_output(f);
	press(f, GUI_EVENT_KEY_PRESS, CHORD_STATE, 55, 'v');
	assert_int_equal(f->pastes, 1);
	press(f, GUI_EVENT_KEY_PRESS, CHORD_STATE, 55, 'v'); /* repeated by the keyboard */
	assert_int_equal(f->pastes, 1);
	press(f, GUI_EVENT_KEY_RELEASE, CHORD_STATE, 55, 'v');
	assert_false(fixture_receive(f, &m));
	core_paste(f->core, W1, "hello", 5);
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_CLIPBOARD_DATA);
	assert_int_equal(m.following, 5);
	assert_memory_equal(buf_data(core_out(f->core)), "hello", 5);
	fixture_forget_output(f);
	f->config.paste = (struct gui_chord){0};
	press(f, GUI_EVENT_KEY_PRESS, CHORD_STATE, 55, 'v');
	assert_true(fixture_receive(f, &m));
	assert_int_equal(m.type, GUI_KEYPRESS);
}

static void
test_paste_guard(void **state)
{
	struct fixture *f = *state;
	struct gui_button click = {.type = GUI_EVENT_BUTTON_PRESS, .button = 1};

	f->config.paste_guard_ms = 300;
	focus(f, true);
	press(f, GUI_EVENT_KEY_PRESS, CHORD_STATE, 55, 'v');
	press(f, GUI_EVENT_KEY_RELEASE, CHORD_STATE, 55, 'v');
	assert_int_equal(f->pastes, 0);
	assert_int_equal(f->notices, 1);
	core_handle_button(fixture_view(f, W1)->window, &click, 0);
	press(f, GUI_EVENT_KEY_PRESS, CHORD_STATE, 55, 'v');
	assert_int_equal(f->pastes, 1);
}

static void
test_T102_forgets(void **state)
{
	struct fixture *f = *state;

	focus(f, true);
	ask_copy(f);
	fixture_connect(f, 8);
	assert_int_equal(f->display.windows, 0);
	assert_int_equal(answer(f, "late", 4), 0);
	assert_int_equal(f->copies, 0);
}

static size_t
memory_in_use(void)
{
	return mallinfo2().uordblks;
}

/* A million messages of each kind: nothing grows, and drawing stays one a frame. */
static void
test_floods(void **state)
{
	struct fixture *f = *state;
	struct gui_message title = {.type = GUI_WMNAME, .window = W1};
	size_t before;

	send_dump(f, W1, 1, 0);
	fake_display_finish_drawing(&f->display);
	damage(f, 1, 1, 1, 1);
	fixture_send(f, &title);
	core_draw(f->core);
	before = memory_in_use();
	f->display.draws = 0;
	for (int i = 0; i < 500000; i++) {
		assert_int_equal(damage(f, i % 300, i % 200, 7, 3), 0);
		assert_int_equal(fixture_send(f, &title), 0);
		if (i % 5000 == 0)
			core_draw(f->core);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		fixture_create(f, 1000 + i, 0, 0, 10, 10, i % 2 == 0);
		fixture_map(f, 1000 + i);
		fixture_bare(f, GUI_DESTROY, 1000 + i);
		fixture_forget_output(f);
	}
	assert_int_equal(core_window_count(f->core), 1);
	assert_true(f->display.draws <= 101 * 32);
	assert_true(memory_in_use() < before + ((size_t)1 << 20));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_T50_T51_T52_T53),
		TEST(test_T54_acknowledgements),
		TEST(test_T55_T56_T57_damage),
		TEST(test_T58_two_buffers),
		TEST(test_commit_rules),
		TEST(test_buffer_limits),
		TEST(test_T59_before_caps),
		TEST(test_T61_grants),
		TEST(test_T74_T78_keys_and_focus),
		TEST(test_T75_enter_tells_no_keys),
		TEST(test_motions_are_merged),
		TEST(test_T104_stuck),
		TEST(test_T81_T82_T83_copy),
		TEST(test_T84_to_T88_answers),
		TEST(test_T89_T97_paste),
		TEST(test_paste_guard),
		TEST(test_T102_forgets),
		TEST(test_floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
