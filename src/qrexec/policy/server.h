/*
 * A socket on which each connection asks one question and gets one answer: the policy socket and
 * the two sockets of the Eval services. Clients are programs of the host, but what they pass on
 * comes from qubes; a client that stalls holds up nobody, is given a time limit, and counts
 * against a limit of its socket.
 */
#ifndef BULKHEAD_QREXEC_POLICY_SERVER_H
#define BULKHEAD_QREXEC_POLICY_SERVER_H

#include "qrexec/policy/decider.h"

/* How long a client may take to put its question, and how many may be there at once. */
#define SERVER_QUESTION_TIMEOUT_MS 10000
#define SERVER_MAX_CLIENTS 1024

/* What is asked, and what the answer needs to know beside. Texts lie in the client's bytes. */
struct server_question {
	struct inquiry_question inquiry;
	const char *gui_qube; /* the caller of EvalGUI, else NULL */
};

enum server_parse {
	SERVER_PARSE_BAD = -1,
	SERVER_PARSE_MORE, /* the question is not whole */
	SERVER_PARSE_DONE,
};

struct server_protocol {
	const char *name; /* in log lines */
	size_t max_bytes;
	/* Looks at what has come so far; `ended`: no more will come. The bytes may be changed
	 * only for SERVER_PARSE_DONE; there is room for one more. */
	enum server_parse (*parse)(char *untrusted_bytes, size_t size, bool ended,
		struct server_question *ret, struct err *err);
	/* Appends the answer. Nothing appended: the connection is closed without one. */
	int (*format)(const struct policy_view *v, const struct policy_decision *d,
		const struct server_question *question, struct buf *out);
};

extern const struct server_protocol policy_socket_protocol;
extern const struct server_protocol eval_simple_protocol;
extern const struct server_protocol eval_gui_protocol;

struct server;

/* Listens at the path with the mode. NULL with the error. */
struct server *server_create(struct loop *loop, struct decider *decider, const char *path,
	const struct server_protocol *protocol, struct err *err);
void server_destroy(struct server *s);

#endif
