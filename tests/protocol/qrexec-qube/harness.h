/*
 * What protocol tests of the qube's programs need: a private directory, the programs as
 * processes, and peers that speak raw bytes: dom0's daemon and callers or services of other qubes
 * behind the unix transport. What takes longer than TIMEOUT_MS fails the test.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "qrexec/common/protocol.h"

#define TIMEOUT_MS 60000
#define OWN_DOMAIN 42 /* of the qube under test */
#define FRAME_MAX 70000

struct qube {
	char directory[64];
	char user[64];
	pid_t agent;
	int control; /* dom0's end; -1: none */
};

struct frame {
	uint32_t type;
	uint32_t length;
	uint8_t body[FRAME_MAX + 1]; /* followed by a NUL */
};

/* Everything that a service sent until the channel closed. */
struct outcome {
	char output[FRAME_MAX];
	char errors[4096];
	size_t output_size, errors_size;
	int output_ends, errors_ends;
	int code; /* -1: the channel closed without one */
	bool code_last;
};

/* cmocka's setup and teardown of each test. qube_setup() starts no program. */
int qube_setup(void **state);
int qube_teardown(void **state);

/* DIRECTORY/NAME in memory of a small ring: valid for the next few calls. */
const char *qube_path(const struct qube *q, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes a file below the directory. */
void qube_file(const struct qube *q, const char *name, int mode, const char *text);
/* A service: rpc/NAME, executable; and a configuration: config/NAME. */
void qube_service(const struct qube *q, const char *name, const char *text);
void qube_config(const struct qube *q, const char *name, const char *text);

pid_t start(const char *const *argv, const int stdio[3]);
/* The exit status, or 128 + signal. */
int await_exit(pid_t pid);

/* qrexec-agent with further options up to NULL, and the daemon's side of its control channel. */
void agent_start(struct qube *q, ...);
void control_connect(struct qube *q);
void control_hello(struct qube *q, uint32_t version);
/* All of it, version 4. */
void agent_up(struct qube *q);
int caller_connect(const struct qube *q);

int unix_listen(const char *path);
int unix_connect(const char *path);
int accept_one(int listen_fd);

/* The caller's end of a call: listens where the agent will look for it. */
int call_listen(const struct qube *q, int domain, int port);
/* Orders a call and joins its data channel, HELLO with the version included. */
int call_start(struct qube *q, uint32_t type, const char *command);
int call_start_at(
	struct qube *q, uint32_t type, int domain, int port, uint32_t version, const char *command);
/* The whole of it, without any input; then expects 0x211. */
void call_run(struct qube *q, const char *command, struct outcome *ret_outcome);
void expect_terminated(struct qube *q, uint32_t domain, uint32_t port);
/* "USER:REST" for the user that the tests run as. */
const char *own(const struct qube *q, const char *rest);

void collect(int fd, struct outcome *ret_outcome);
void expect_outcome(const struct outcome *o, int code, const char *output, const char *errors);

void send_bytes(int fd, const void *data, size_t size);
void send_slowly(int fd, const void *data, size_t size); /* one byte at a time */
void send_frame(int fd, uint32_t type, const void *body, size_t size);
void send_header(int fd, uint32_t type, uint32_t length);
void send_text(int fd, uint32_t type, const char *text);
void send_u32(int fd, uint32_t type, uint32_t value);
void send_params(
	int fd, uint32_t type, uint32_t domain, uint32_t port, const void *text, size_t size);
void send_trigger(
	int fd, const char *source, const char *target, const void *id, const char *service);
bool receive_frame(int fd, struct frame *ret_frame); /* false at the end */
void expect_frame(int fd, uint32_t type, const void *body, size_t size);
void expect_bytes(int fd, const void *data, size_t size);
void expect_end(int fd);
/* Nothing comes for a moment. */
void expect_silence(int fd);

#endif
