/* Notifications: records taken apart, texts made fit to be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gui/daemon/title.h"
#include "gui/notices/notice.h"

static struct notice out;

/* Gives the record byte by byte: what notice_take() says in the end. */
static int
feed(const void *bytes, size_t size)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf in;
	int result = 0;

	buf_init(&in, 4 * NOTICE_RECORD_MAX);
	for (size_t i = 0; i < size && result == 0; i++) {
		buf_put(&in, (const char *)bytes + i, 1);
		result = notice_take(&in, &out, &err);
		assert_true(result != 1 || i == size - 1);
	}
	return result;
}

static void
test_round_trip(void **state)
{
	static struct notice notice = {
		.urgency = NOTICE_CRITICAL, .expire_ms = 5000, .untrusted_summary = "Mail"};
	AUTO_BUF struct buf b;

	(void)state;
	memset(notice.untrusted_body, 'x', NOTICE_BODY_MAX);
	buf_init(&b, NOTICE_RECORD_MAX);
	assert_int_equal(notice_put(&b, &notice), 0);
	assert_int_equal(feed(buf_data(&b), buf_len(&b)), 1);
	assert_memory_equal(&out, &notice, sizeof(out));
}

static int
feed_record(uint32_t length, uint32_t urgency, uint32_t expire_ms, const char *texts, size_t size)
{
	AUTO_BUF struct buf b;

	buf_init(&b, 4 * NOTICE_RECORD_MAX);
	buf_put_u32(&b, length);
	buf_put_u32(&b, urgency);
	buf_put_u32(&b, expire_ms);
	buf_put(&b, texts, size);
	return feed(buf_data(&b), buf_len(&b));
}

static void
test_bad_records(void **state)
{
	char much[NOTICE_RECORD_MAX + 10];

	(void)state;
	assert_int_equal(feed_record(12, 1, 0, "a\0b\0", 4), 1);
	assert_int_equal(feed_record(12, 3, 0, "a\0b\0", 4), -1);
	assert_int_equal(feed_record(12, 1, 60001, "a\0b\0", 4), -1);
	assert_int_equal(feed_record(12, 1, 0, "a\0bc", 4), -1);
	assert_int_equal(feed_record(12, 1, 0, "abcd", 4), -1);
	assert_int_equal(feed_record(12, 1, 0, "\0\0\0\0", 4), -1);
	assert_int_equal(feed_record(9, 1, 0, "\0\0", 2), -1);
	assert_int_equal(feed_record(0, 1, 0, "", 0), -1);
	assert_int_equal(feed_record(NOTICE_RECORD_MAX - 3, 1, 0, "", 0), -1);
	assert_int_equal(feed_record(UINT32_MAX, 1, 0, "", 0), -1);
	/* A summary that is too long in a record that is not. */
	memset(much, 'x', sizeof(much));
	much[NOTICE_SUMMARY_MAX + 1] = much[NOTICE_SUMMARY_MAX + 2] = '\0';
	assert_int_equal(
		feed_record(8 + NOTICE_SUMMARY_MAX + 3, 1, 0, much, NOTICE_SUMMARY_MAX + 3), -1);
}

static void
test_clean(void **state)
{
	static struct notice notice;
	char *at = notice.untrusted_body;
	int lines = 1;

	(void)state;
	title_init();
	strcpy(notice.untrusted_summary, "a\nb\x1b[2J\xe2\x80\xae \xc3\xa9\xff");
	strcpy(notice.untrusted_body, "one\n\ntwo\r\tthree\n\x07");
	notice_clean(&notice);
	assert_string_equal(notice.untrusted_summary, "a_b_[2J_ \xc3\xa9_");
	assert_string_equal(notice.untrusted_body, "one\n\ntwo__three\n_");
	strcpy(notice.untrusted_body, "\n\none\n\ntwo\n\n\n");
	notice_clean(&notice);
	assert_string_equal(notice.untrusted_body, "one\n\ntwo");
	/* Lines without an end, and without a number. */
	memset(notice.untrusted_body, 'x', NOTICE_BODY_MAX);
	notice_clean(&notice);
	assert_int_equal(strlen(notice.untrusted_body), 1000);
	memset(notice.untrusted_body, '\n', NOTICE_BODY_MAX);
	notice_clean(&notice);
	for (int i = 0; i < 200; i++) {
		*at++ = 'x';
		*at++ = '\n';
	}
	*at = '\0';
	notice_clean(&notice);
	for (at = notice.untrusted_body; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, NOTICE_LINES_MAX);
}

static void
test_markup(void **state)
{
	AUTO_FREE char *text = notice_without_markup("a <b>&amp; \"'");
	AUTO_FREE char *empty = notice_without_markup("");

	(void)state;
	assert_string_equal(text, "a &lt;b&gt;&amp;amp; \"'");
	assert_string_equal(empty, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_markup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
