/* Records of transfers, settings, the line of progress, dates and names of opened files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "filecopy/progress.h"
#include "filecopy/transfers.h"
#include "services/date_line.h"
#include "services/open_file.h"
#include "services/url.h"

static void
test_round_trip(void **state)
{
	AUTO_RECORD struct transfer_record r = {0};
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf text, again;
	const struct tree_sum sum = {.hash = 0x123, .count = 4, .bytes = 5};

	buf_init(&text, 10000);
	buf_init(&again, 10000);
	transfer_record_put_head(&text, false, true, "work", 1700000000);
	transfer_record_put_total(&text, 2, 3);
	transfer_record_put_path(&text, TRANSFER_SENT, "/home/user/a b\n%\xc3\xa4");
	transfer_record_put_trashed(&text, "/t/files/a b", "/home/user/a b", &sum);
	transfer_record_put_path(&text, TRANSFER_LOST, "/x");
	transfer_record_put_undone(&text, 1700000001);
	assert_int_equal(
		transfer_record_parse((const char *)buf_data(&text), buf_len(&text), &r, &err), 0);
	assert_false(r.incoming);
	assert_true(r.move);
	assert_string_equal(r.peer, "work");
	assert_int_equal(r.count, 3);
	assert_string_equal(r.objects[0].path, "/home/user/a b\n%\xc3\xa4");
	assert_string_equal(r.objects[1].trash_name, "/t/files/a b");
	assert_int_equal(r.objects[1].sum.hash, 0x123);
	assert_int_equal(r.undone, 1700000001);
	assert_int_equal(transfers_format(&r, &again), 0);
	assert_int_equal(buf_len(&again), buf_len(&text));
	assert_memory_equal(buf_data(&again), buf_data(&text), buf_len(&text));
}

static void
test_bad_records(void **state)
{
#define HEAD "bulkhead-transfer 1\nin copy work 1\n"
	static const char *const bad[] = {"", "x", "bulkhead-transfer 2\nin copy work 1\n",
		"bulkhead-transfer 1\n", "bulkhead-transfer 1\nup copy work 1\n",
		"bulkhead-transfer 1\nin copy ../x 1\n", "bulkhead-transfer 1\nin copy .. 1\n",
		"bulkhead-transfer 1\nin copy  1\n", "bulkhead-transfer 1\nin copy work -1\n",
		HEAD "root 0 1 2 x\n", HEAD "root 0000000000000000 1 2 \n",
		HEAD "root 0000000000000000 1 2 x y\n", HEAD "sent %0\n", HEAD "sent %00\n",
		HEAD "sent %zz\n", HEAD "trashed 0000000000000000 1 2 x /y\n", HEAD "what\n",
		HEAD "total 1\n", HEAD "sent x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_RECORD struct transfer_record r = {0};
		AUTO_ERR struct err err = ERR_INIT;

		if (transfer_record_parse(bad[i], strlen(bad[i]), &r, &err) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void
test_ids(void **state)
{
	assert_true(transfer_id_valid("20261122-205410-0b81"));
	assert_false(transfer_id_valid("20261122-205410-0B81"));
	assert_false(transfer_id_valid("20261122-205410-0b811"));
	assert_false(transfer_id_valid("../../etc/passwd/xxx"));
	assert_false(transfer_id_valid(""));
}

static void
test_settings(void **state)
{
	struct transfer_settings settings = {0};
	char good[] = "# limits\ntrash-max-mib = 2\n\n  keep-records=7\n",
	     bad[] = "keep-records = 1\nkeep = 2\n";
	int line = 0;

	assert_int_equal(transfer_settings_parse(good, &settings, &line), 0);
	assert_int_equal(settings.trash_max_bytes, 2 * 1048576);
	assert_int_equal(settings.keep_records, 7);
	assert_int_equal(transfer_settings_parse(bad, &settings, &line), -EINVAL);
	assert_int_equal(line, 2);
}

static void
test_progress(void **state)
{
	char line[160];

	progress_line(line, sizeof(line), 0, 0, 0, 0);
	assert_string_equal(line, "sent 0/0 KB, 0 files, 0.0 MB/s");
	progress_line(line, sizeof(line), 1048576, 4 * 1048576, 1, 1000);
	assert_string_equal(line, "sent 1024/4096 KB, 1 file, 1.0 MB/s, 0:04 left");
	progress_line(line, sizeof(line), 2048, 1024, 2, 1000);
	assert_string_equal(line, "sent 2/2 KB, 2 files, 0.0 MB/s");
}

/* Case 97. */
static void
test_dates(void **state)
{
	static const char *const bad[] = {"", "2026-11-22T20:54:10+00:00",
		"2026-11-22T20:54:10+00:00\nx", "2026-11-22T20:54:10+01:00\n",
		"1999-11-22T20:54:10+00:00\n", "2026-02-30T20:54:10+00:00\n",
		"2026-11-22T24:54:10+00:00\n", "2026-11-22 20:54:10+00:00\n",
		"2026-11-22T20:54:10,12345678+00:00\n", "2026-11-22T20:54:10,1234567890+00:00\n",
		"2026-11-22T20:54:10,-12345678+00:00\n"};
	const struct timespec time = {.tv_sec = 1795380850, .tv_nsec = 12};
	char line[DATE_LINE_LONG_BYTES + 1];
	struct timespec again;

	assert_int_equal(date_line_format(&time, false, line), 0);
	assert_string_equal(line, "2026-11-22T20:54:10+00:00\n");
	assert_int_equal(strlen(line), DATE_LINE_BYTES);
	assert_int_equal(date_line_parse(line, strlen(line), &again), 0);
	assert_int_equal(again.tv_sec, time.tv_sec);
	assert_int_equal(date_line_format(&time, true, line), 0);
	assert_string_equal(line, "2026-11-22T20:54:10,000000012+00:00\n");
	assert_int_equal(strlen(line), DATE_LINE_LONG_BYTES);
	assert_int_equal(date_line_parse(line, strlen(line), &again), 0);
	assert_int_equal(again.tv_nsec, 12);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(date_line_parse(bad[i], strlen(bad[i]), &again) < 0);
}

/* Case 98: what matters is the distance, not how the digits look. */
static void
test_clock_distance(void **state)
{
	static const char late[] = "2026-11-22T23:59:59+00:00\n",
			  soon[] = "2026-11-23T00:00:01+00:00\n",
			  later[] = "2026-11-23T00:00:02+00:00\n";
	struct timespec a, b, c;

	assert_int_equal(date_line_parse(late, strlen(late), &a), 0);
	assert_int_equal(date_line_parse(soon, strlen(soon), &b), 0);
	assert_int_equal(date_line_parse(later, strlen(later), &c), 0);
	assert_false(date_line_differs(&a, &b));
	assert_false(date_line_differs(&b, &a));
	assert_true(date_line_differs(&a, &c));
	assert_true(date_line_differs(&c, &a));
	assert_true(date_line_is_behind(&a, &b));
	assert_false(date_line_is_behind(&b, &a));
	assert_false(date_line_is_behind(&a, &a));
	b = a;
	b.tv_nsec = 1;
	assert_true(date_line_is_behind(&a, &b));
	assert_false(date_line_is_behind(&b, &a));
}

static void
test_opened_names(void **state)
{
	char bytes[OPEN_FILE_NAME_BYTES], long_name[300];
	struct open_file_name name;

	/* What follows the name is zero, whatever was there. */
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(open_file_encode_name("a.txt", true, bytes), 0);
	for (size_t i = strlen("view-only-a.txt"); i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(open_file_decode_name(bytes, &name), 0);
	assert_true(name.view_only);
	assert_string_equal(name.name, "a.txt");
	memset(long_name, 'a', sizeof(long_name));
	long_name[256] = '\0';
	assert_int_equal(open_file_encode_name(long_name, false, bytes), -ENAMETOOLONG);
	/* All 256 bytes used: the last counts as the end. */
	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(open_file_decode_name(bytes, &name), 0);
	assert_int_equal(strlen(name.name), 255);
}

static void
test_urls(void **state)
{
	char good[8192] = "https://example.org/\n", bad[8192] = "https://a\nb";

	assert_int_equal(url_check_line(good, strlen(good)), 0);
	assert_string_equal(good, "https://example.org/");
	assert_int_equal(url_check_line(bad, strlen(bad)), -EBADMSG);
	memset(good + 8, 'a', URL_MAX - 8);
	assert_int_equal(url_check_line(good, URL_MAX), 0);
	assert_int_equal(url_check_line(good, URL_MAX + 1), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_clock_distance),
		cmocka_unit_test(test_opened_names),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
