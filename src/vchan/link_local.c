/*
 * Requests of local programs to vchan-linkd; see link_local.h. Used at both ends of the socket;
 * the bytes come from any program that may open it and are not trusted.
 */
#include "vchan/link_local.h"

#include <errno.h>

#define REQUEST_MAGIC 0x71636c76 /* "vlcq" */
#define REPLY_MAGIC 0x72636c76   /* "vlcr" */

#define FLAG_GRANT 1U
#define FLAG_RINGS 2U

enum role {
	ROLE_SERVER = 1,
	ROLE_CLIENT = 2,
};

int
link_local_put_request(struct buf *b, const struct link_local_request *request)
{
	const uint32_t words[LINK_LOCAL_REQUEST_BYTES / sizeof(uint32_t)] = {
		REQUEST_MAGIC,
		request->server ? ROLE_SERVER : ROLE_CLIENT,
		request->own_domain,
		request->peer_domain,
		request->port,
		request->read_min,
		request->write_min,
		(request->grant ? FLAG_GRANT : 0U) | (request->rings ? FLAG_RINGS : 0U),
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int result = buf_put_u32(b, words[i]);

		if (result < 0)
			return result;
	}
	return 0;
}

int
link_local_get_request(struct buf *b, struct link_local_request *ret_request)
{
	uint32_t words[LINK_LOCAL_REQUEST_BYTES / sizeof(uint32_t)];

	if (buf_len(b) < LINK_LOCAL_REQUEST_BYTES)
		return -EAGAIN;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		buf_peek_u32(b, i * sizeof(uint32_t), &words[i]);
	if (words[0] != REQUEST_MAGIC || (words[1] != ROLE_SERVER && words[1] != ROLE_CLIENT) ||
		(words[7] & ~(FLAG_GRANT | FLAG_RINGS)) != 0)
		return -EBADMSG;
	*ret_request = (struct link_local_request){
		.server = words[1] == ROLE_SERVER,
		.own_domain = words[2],
		.peer_domain = words[3],
		.port = words[4],
		.read_min = words[5],
		.write_min = words[6],
		.grant = (words[7] & FLAG_GRANT) != 0,
		.rings = (words[7] & FLAG_RINGS) != 0,
	};
	return buf_consume(b, LINK_LOCAL_REQUEST_BYTES);
}

int
link_local_put_reply(struct buf *b, enum link_local_status status)
{
	int result = buf_put_u32(b, REPLY_MAGIC);

	return result < 0 ? result : buf_put_u32(b, status);
}

int
link_local_get_reply(struct buf *b, enum link_local_status *ret_status)
{
	uint32_t magic, status;

	if (buf_peek_u32(b, 0, &magic) < 0 || buf_peek_u32(b, sizeof(magic), &status) < 0)
		return -EAGAIN;
	if (magic != REPLY_MAGIC || status > LINK_LOCAL_REPLACED)
		return -EBADMSG;
	*ret_status = (enum link_local_status)status;
	return buf_consume(b, LINK_LOCAL_REPLY_BYTES);
}
