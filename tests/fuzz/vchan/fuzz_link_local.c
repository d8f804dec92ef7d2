/*
 * What programs and granters say at the socket of vchan-linkd: a request that is taken says the
 * same when it is said again, and nothing is consumed of one that is not.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "vchan/link_local.h"

static void
check_request(const uint8_t *data, size_t size)
{
	struct link_local_request request, again;
	struct buf b, copy;
	int result;

	buf_init(&b, size + 1);
	buf_init(&copy, LINK_LOCAL_REQUEST_BYTES);
	assert(buf_put(&b, data, size) == 0);
	memset(&request, 0, sizeof(request));
	memset(&again, 0, sizeof(again));
	result = link_local_get_request(&b, &request);
	if (result < 0) {
		assert(buf_len(&b) == size);
		assert((result == -EAGAIN) == (size < LINK_LOCAL_REQUEST_BYTES));
	} else {
		assert(buf_len(&b) == size - LINK_LOCAL_REQUEST_BYTES);
		assert(link_local_put_request(&copy, &request) == 0);
		assert(memcmp(buf_data(&copy), data, LINK_LOCAL_REQUEST_BYTES) == 0);
		assert(link_local_get_request(&copy, &again) == 0);
		assert(again.grant == request.grant && again.server == request.server &&
			again.rings == request.rings);
	}
	buf_finish(&b);
	buf_finish(&copy);
}

static void
check_reply(const uint8_t *data, size_t size)
{
	enum link_local_status status;
	struct buf b;

	buf_init(&b, size + 1);
	assert(buf_put(&b, data, size) == 0);
	if (link_local_get_reply(&b, &status) == 0)
		assert(status <= LINK_LOCAL_REPLACED);
	else
		assert(buf_len(&b) == size);
	buf_finish(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_request(data, size);
	check_reply(data, size);
	return 0;
}
