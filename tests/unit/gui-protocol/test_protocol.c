/* The bytes of the GUI protocol: exact layouts, every wrong length, and the rules of pool buffers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "gui/protocol/protocol.h"

static const uint32_t to_daemon[] = {GUI_CREATE, GUI_DESTROY, GUI_MAP, GUI_UNMAP, GUI_CONFIGURE,
	GUI_SHMIMAGE, GUI_WMNAME, GUI_DOCK, GUI_WINDOW_HINTS, GUI_WINDOW_FLAGS, GUI_WMCLASS,
	GUI_CURSOR, GUI_X_CAPS, GUI_X_DROP};
static const uint32_t to_daemon_sizes[] = {24, 0, 8, 0, 20, 16, 128, 0, 36, 8, 128, 4, 24, 4};
static const uint32_t to_agent[] = {GUI_KEYPRESS, GUI_BUTTON, GUI_MOTION, GUI_CROSSING, GUI_FOCUS,
	GUI_DESTROY, GUI_MAP, GUI_CONFIGURE, GUI_CLOSE, GUI_CLIPBOARD_REQ, GUI_KEYMAP_NOTIFY,
	GUI_WINDOW_FLAGS, GUI_WINDOW_DUMP_ACK, GUI_X_RELEASE, GUI_X_FRAME, GUI_X_SCROLL};
static const uint32_t to_agent_sizes[] = {20, 20, 16, 28, 12, 0, 8, 20, 0, 0, 32, 8, 0, 8, 8, 12};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
check_fixed_size(uint32_t type, uint32_t size, enum gui_direction direction)
{
	struct gui_header h = {type, 1, size};

	assert_true(gui_type_allowed(type, direction));
	assert_true(gui_length_valid(&h, GUI_VERSION_OURS));
	assert_int_equal(gui_decoded_size(&h), size);
	h.untrusted_length = size + 1;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
	h.untrusted_length = size - 1;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
	h.untrusted_length = UINT32_MAX - 3;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
}

static void
test_fixed_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(to_daemon); i++)
		check_fixed_size(to_daemon[i], to_daemon_sizes[i], GUI_TO_DAEMON);
	for (size_t i = 0; i < COUNT(to_agent); i++)
		check_fixed_size(to_agent[i], to_agent_sizes[i], GUI_TO_AGENT);
}

static void
test_directions(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < 300; type++)
		assert_int_equal(gui_type_allowed(type, GUI_TO_DAEMON) ||
					 gui_type_allowed(type, GUI_TO_AGENT),
			strcmp(gui_type_name(type), "unknown") != 0);
	assert_false(gui_type_allowed(GUI_KEYPRESS, GUI_TO_DAEMON));
	assert_false(gui_type_allowed(GUI_X_RELEASE, GUI_TO_DAEMON));
	assert_false(gui_type_allowed(GUI_CREATE, GUI_TO_AGENT));
	assert_false(gui_type_allowed(GUI_MFNDUMP, GUI_TO_DAEMON));
	assert_false(gui_type_allowed(129, GUI_TO_AGENT));
	assert_false(gui_type_allowed(138, GUI_TO_AGENT));
	assert_false(gui_type_allowed(150, GUI_TO_DAEMON));
}

static void
test_layout(void **state)
{
	static const uint8_t expected[] = {134, 0, 0, 0, 0x11, 0, 0, 0, 20, 0, 0, 0, 0xff, 0xff,
		0xff, 0xff, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0};
	struct gui_message m = {.type = GUI_CONFIGURE,
				   .window = 0x11,
				   .configure = {-1, 2, 3, 4, 1}},
			   back;
	struct gui_header h;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(gui_put_message(&b, &m), 0);
	assert_int_equal(buf_len(&b), sizeof(expected));
	assert_memory_equal(buf_data(&b), expected, sizeof(expected));
	assert_int_equal(gui_get_header(&b, &h), 0);
	assert_int_equal(gui_get_body(&b, &h, &back), 0);
	assert_int_equal(buf_len(&b), 0);
	assert_memory_equal(&back.configure, &m.configure, sizeof(m.configure));
}

static void
test_texts_keep_their_bytes(void **state)
{
	struct gui_message m = {.type = GUI_WMNAME}, back;
	struct gui_header h;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 200);
	for (size_t i = 0; i < GUI_TITLE_BYTES; i++)
		m.title.untrusted_text[i] = (char)(i + 1);
	assert_int_equal(gui_put_message(&b, &m), 0);
	assert_int_equal(buf_len(&b), GUI_HEADER_BYTES + GUI_TITLE_BYTES);
	assert_int_equal(buf_data(&b)[GUI_HEADER_BYTES], 1);
	assert_int_equal(buf_data(&b)[GUI_HEADER_BYTES + 127], 128);
	gui_get_header(&b, &h);
	assert_int_equal(gui_get_body(&b, &h, &back), 0);
	assert_memory_equal(back.title.untrusted_text, m.title.untrusted_text, GUI_TITLE_BYTES);
}

static void
test_parts_are_waited_for(void **state)
{
	struct gui_message m = {.type = GUI_X_COMMIT, .window = 7, .commit = {1, 2, .count = 3}};
	struct gui_message back;
	struct gui_header h;
	AUTO_BUF struct buf whole, part;

	(void)state;
	buf_init(&whole, 200);
	buf_init(&part, 200);
	m.commit.rectangles[2] = (struct gui_rectangle){-5, 6, 7, 8};
	assert_int_equal(gui_put_message(&whole, &m), 0);
	assert_int_equal(buf_len(&whole), GUI_HEADER_BYTES + 16 + 48);
	for (size_t i = 0; i < buf_len(&whole); i++) {
		if (i < GUI_HEADER_BYTES)
			assert_int_equal(gui_get_header(&part, &h), -EAGAIN);
		else if (i == GUI_HEADER_BYTES)
			assert_int_equal(gui_get_header(&part, &h), 0);
		if (i >= GUI_HEADER_BYTES)
			assert_int_equal(gui_get_body(&part, &h, &back), -EAGAIN);
		buf_put_u8(&part, buf_data(&whole)[i]);
	}
	assert_int_equal(gui_get_body(&part, &h, &back), 0);
	assert_int_equal(back.commit.rectangles[2].x, -5);
	assert_int_equal(back.commit.rectangles[2].height, 8);
}

static void
test_commit_lengths(void **state)
{
	struct gui_message m = {.type = GUI_X_COMMIT, .commit = {1, 2, .count = 1}}, back;
	struct gui_header h = {GUI_X_COMMIT, 0, 15};
	AUTO_BUF struct buf b;

	(void)state;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
	h.untrusted_length = 16 + 8;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
	h.untrusted_length = 16 + 16 * 33;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
	h.untrusted_length = 16 + 16 * 32;
	assert_true(gui_length_valid(&h, GUI_VERSION_OURS));
	/* The count says one, the length two. */
	buf_init(&b, 200);
	assert_int_equal(gui_put_message(&b, &m), 0);
	buf_consume(&b, GUI_HEADER_BYTES);
	buf_put(&b, &m.commit, 16);
	h.untrusted_length = 16 + 32;
	assert_int_equal(gui_get_body(&b, &h, &back), -EBADMSG);
	m.commit.count = GUI_POOL_MAX_RECTANGLES + 1;
	assert_int_equal(gui_put_message(&b, &m), -EINVAL);
}

static void
test_dump_lengths(void **state)
{
	struct gui_header h = {GUI_WINDOW_DUMP, 0, 15};

	(void)state;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
	h.untrusted_length = 17;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
	h.untrusted_length = 16 + 4 * GUI_MAX_PAGES;
	assert_true(gui_length_valid(&h, GUI_VERSION_OURS));
	h.untrusted_length += 4;
	assert_false(gui_length_valid(&h, GUI_VERSION_OURS));
}

static void
test_dump_kinds(void **state)
{
	struct gui_message m = {.type = GUI_WINDOW_DUMP,
				   .following = 8,
				   .dump = {GUI_DUMP_GRANTS, 10, 20, 24}},
			   back;
	struct gui_header h;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 200);
	assert_int_equal(gui_put_message(&b, &m), 0);
	gui_get_header(&b, &h);
	assert_int_equal(h.untrusted_length, 24);
	assert_int_equal(gui_get_body(&b, &h, &back), 0);
	assert_int_equal(back.following, 8);
	buf_clear(&b);
	m.following = 0;
	m.dump.type = GUI_DUMP_POOL;
	m.dump.stride = 77;
	assert_int_equal(gui_put_message(&b, &m), 0);
	gui_get_header(&b, &h);
	assert_int_equal(h.untrusted_length, 48);
	h.untrusted_length = 52;
	assert_int_equal(gui_get_body(&b, &h, &back), -EBADMSG);
	h.untrusted_length = 48;
	assert_int_equal(gui_get_body(&b, &h, &back), 0);
	assert_int_equal(back.dump.stride, 77);
}

static void
test_clipboard_lengths(void **state)
{
	struct gui_header h = {GUI_CLIPBOARD_DATA, 0, 256001};

	(void)state;
	assert_true(gui_length_valid(&h, GUI_VERSION(1, 8)));
	assert_false(gui_length_valid(&h, GUI_VERSION(1, 7)));
	h.untrusted_length++;
	assert_false(gui_length_valid(&h, GUI_VERSION(1, 8)));
	h.untrusted_length = 65000;
	assert_true(gui_length_valid(&h, GUI_VERSION(1, 7)));
	assert_int_equal(gui_decoded_size(&h), 0);
}

static void
test_handshake(void **state)
{
	static const uint8_t expected[] = {
		0x80, 7, 0, 0, 0x38, 4, 0, 0, 0x18, 0, 0, 0, 0xA5, 0x1F, 0, 0};
	struct gui_xconf conf = gui_xconf_of(1920, 1080, 24), back;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(gui_put_xconf(&b, &conf), 0);
	assert_memory_equal(buf_data(&b), expected, sizeof(expected));
	assert_int_equal(gui_get_xconf(&b, &back), 0);
	assert_int_equal(back.memory_kib, conf.memory_kib);
	assert_int_equal(gui_xconf_of(1366, 768, 24).width, 1368);
	assert_int_equal(gui_negotiate(GUI_VERSION(1, 9)), GUI_VERSION(1, 8));
	assert_int_equal(gui_negotiate(GUI_VERSION(1, 3)), GUI_VERSION(1, 3));
	assert_int_equal(gui_negotiate(GUI_VERSION(2, 0)), 0);
	assert_int_equal(gui_negotiate(5), 0);
}

static struct gui_dump
good_dump(void)
{
	return (struct gui_dump){.type = GUI_DUMP_POOL,
		.width = 300,
		.height = 200,
		.buffer_id = 1,
		.fourcc = GUI_FOURCC_XR24,
		.offset_low = 4096,
		.stride = 1280};
}

static const char *
check(const struct gui_dump *d, uint64_t pool)
{
	return gui_check_pool_dump(d, GUI_FEATURE_POOL | GUI_FEATURE_COMMIT, pool);
}

static void
test_pool_rules(void **state)
{
	const uint64_t exact = 4096 + 1280 * 200;
	struct gui_dump d = good_dump();

	(void)state;
	assert_null(check(&d, exact));
	assert_string_equal(check(&d, exact - 1), "offset");
	d.offset_low = 4098;
	assert_string_equal(check(&d, 1 << 20), "offset");
	d.offset_low = 0;
	assert_string_equal(check(&d, 1 << 20), "offset");
	d.offset_high = 1U << 31;
	assert_string_equal(check(&d, 1 << 20), "offset");
	d.offset_high = UINT32_MAX;
	d.offset_low = 0xfffff000;
	assert_string_equal(check(&d, 1 << 20), "offset");
	d = good_dump();
	d.stride = 1196;
	assert_string_equal(check(&d, 1 << 20), "stride");
	d.stride = 1201;
	assert_string_equal(check(&d, 1 << 20), "stride");
	d.stride = 65540;
	assert_string_equal(check(&d, 1 << 30), "stride");
	d = good_dump();
	d.width = 0;
	assert_string_equal(check(&d, 1 << 20), "width");
	d.width = 0x40000001; /* times four is four */
	assert_string_equal(check(&d, 1 << 20), "width");
	d = good_dump();
	d.height = GUI_MAX_HEIGHT + 1;
	assert_string_equal(check(&d, 1 << 30), "height");
	d = good_dump();
	d.buffer_id = 0;
	assert_string_equal(check(&d, 1 << 20), "buffer_id");
	d = good_dump();
	d.flags = 2;
	assert_string_equal(check(&d, 1 << 20), "flags");
	d.flags = GUI_DUMP_EXPLICIT;
	assert_string_equal(gui_check_pool_dump(&d, GUI_FEATURE_POOL, 1 << 20), "flags");
	d = good_dump();
	d.scale120 = 120;
	assert_string_equal(check(&d, 1 << 20), "scale120");
}

static void
test_no_room(void **state)
{
	struct gui_message m = {.type = GUI_CONFIGURE};
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 31);
	assert_int_equal(gui_put_message(&b, &m), -ENOBUFS);
	assert_int_equal(buf_len(&b), 0);
	m.type = 150;
	assert_int_equal(gui_put_message(&b, &m), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed_sizes),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_texts_keep_their_bytes),
		cmocka_unit_test(test_parts_are_waited_for),
		cmocka_unit_test(test_commit_lengths),
		cmocka_unit_test(test_dump_lengths),
		cmocka_unit_test(test_dump_kinds),
		cmocka_unit_test(test_clipboard_lengths),
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_pool_rules),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
