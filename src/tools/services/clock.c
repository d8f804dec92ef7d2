/* Telling the time to qubes (clock.h). */
#include "tools/services/clock.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "services/date_line.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/property_value.h"
#include "tools/lib/qubes.h"
#include "tools/services/qube_call.h"

#define CALL_TIMEOUT_MS 10000
#define BILLION 1000000000

static int
print_own(bool nanoseconds, struct err *err)
{
	char line[DATE_LINE_LONG_BYTES + 1];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (date_line_format(&now, nanoseconds, line) < 0)
		return err_set(err, ERANGE, "the clock is far off");
	fputs(line, stdout);
	return 0;
}

/* The answer is parsed and written anew: nothing else of it passes. */
static int
print_of(const char *qube, bool nanoseconds, struct err *err)
{
	char line[DATE_LINE_LONG_BYTES + 1];
	AUTO_BUF struct buf untrusted_answer;
	struct timespec time;

	buf_init(&untrusted_answer, DATE_LINE_LONG_BYTES);
	if (qube_call(qube, nanoseconds ? "qubes.GetDate+nanoseconds" : "qubes.GetDate", "",
		    CALL_TIMEOUT_MS, &untrusted_answer, err) < 0)
		return -1;
	if (date_line_parse((const char *)buf_data(&untrusted_answer), buf_len(&untrusted_answer),
		    &time) < 0 ||
		date_line_format(&time, nanoseconds, line) < 0)
		return err_set(err, EBADMSG, "'%s' did not tell a time", qube);
	fputs(line, stdout);
	return 0;
}

int
clock_print(const char *argument, struct err *err)
{
	/* With a property, all come in one round trip. */
	static const char *const properties[] = {"label"};
	const bool nanoseconds = text_equal(argument, "nanoseconds") || text_equal(argument, "ns");
	AUTO_PROPERTY struct property_value keeper = {0};
	AUTO_QUBES struct qube_list list = {0};
	AUTO_FREE char *text = NULL;
	const struct qube *q;

	if (admin_call("admin.property.Get", "clockvm", "dom0", NULL, &text, err) < 0 ||
		qubes_load(&list, properties, 1, err) < 0)
		return -1;
	if (property_value_parse(text, &keeper) < 0)
		return err_set(err, EBADMSG, "property 'clockvm': cannot be read");
	if (keeper.value == NULL || keeper.value[0] == '\0')
		return 0;
	q = qubes_find(&list, keeper.value);
	if (q == NULL || qube_is_admin(q) || !text_equal(q->state, "Running"))
		return print_own(nanoseconds, err);
	return print_of(q->name, nanoseconds, err);
}

/* 128 random bits over a range of 39 are as good as uniform. */
struct timespec
clock_randomized(const struct timespec *now, const unsigned char random[16])
{
	const uint64_t range = (uint64_t)2 * RANDOMIZED_SECONDS * BILLION + 1;
	struct timespec time = *now;
	uint64_t offset = 0;

	for (int i = 0; i < 16; i++)
		offset = (offset * 256 + random[i]) % range;
	time.tv_sec -= RANDOMIZED_SECONDS;
	offset += (uint64_t)time.tv_nsec;
	time.tv_sec += (time_t)(offset / BILLION);
	time.tv_nsec = (long)(offset % BILLION);
	return time;
}

int
clock_print_randomized(struct err *err)
{
	unsigned char random[16];
	struct timespec now, time;

	random_bytes(random, sizeof(random));
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return err_set_errno(err, errno, "clock");
	time = clock_randomized(&now, random);
	printf("%lld.%09ld\n", (long long)time.tv_sec, time.tv_nsec);
	return 0;
}
