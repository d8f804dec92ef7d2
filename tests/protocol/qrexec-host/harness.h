/*
 * What protocol tests of qrexec-daemon and qrexec-client need: a private root, the programs as
 * processes, and peers that speak raw bytes: an agent behind the unix transport, local clients,
 * a data channel, a qubesd. Anything that fails or takes longer than TIMEOUT_MS fails the test.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "qrexec/common/protocol.h"

#define TIMEOUT_MS 30000
#define DOMAIN_ALPHA 11
#define DOMAIN_BETA 12
#define UUID_ALPHA "aaaaaaaa-0000-4000-8000-000000000011"
#define UUID_BETA "bbbbbbbb-0000-4000-8000-000000000012"
#define FRAME_MAX 70000

struct fixture {
	char root[64]; /* BULKHEAD_ROOT; /run/qubes and the vchan sockets are below */
	pid_t pids[16];
	size_t pid_count;
};

struct frame {
	uint32_t type;
	uint32_t length;
	uint8_t body[FRAME_MAX];
};

/* Group-less setup and teardown for cmocka: the root is removed, processes are ended. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
char *fixture_path(const struct fixture *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A file with the text, executable. */
void fixture_script(const struct fixture *f, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Processes. argv[0] is the program; stdio_fd: its stdin and stdout, or -1 for /dev/null. */
pid_t process_start(struct fixture *f, const char *const *argv, int stdin_fd, int stdout_fd);
/* Waits for its end: the exit status, or 128 + signal. */
int process_wait(struct fixture *f, pid_t pid);
bool process_alive(pid_t pid);

/* qrexec-daemon for alpha or beta in the foreground, with further options up to NULL. */
pid_t daemon_start(struct fixture *f, int domain, ...);
/* Its local socket, by the name after "qrexec."; waits until it is there. */
int local_connect_to(const struct fixture *f, const char *name);
void await_path(const char *path, bool present);

/* The agent: a listening vchan, then a connected one. */
int agent_listen(const struct fixture *f, int domain);
int agent_accept(int listen_fd);
void agent_hello(int fd, uint32_t version);
/* All of the above for a started daemon. */
int agent_connect(struct fixture *f, int domain);

/* Both ends of data channels: serves as, or joins, domain `server` for domain `client`. */
int vchan_listen_raw(const struct fixture *f, int server, int client, int port);
int vchan_connect_raw(const struct fixture *f, int server, int client, int port);

int listen_on(const char *path);
int accept_on(int listen_fd);

/* Frames and bytes. */
void send_bytes(int fd, const void *data, size_t size);
void send_frame(int fd, uint32_t type, const void *body, size_t size);
void send_hello(int fd, uint32_t version);
void send_params(int fd, uint32_t type, uint32_t domain, uint32_t port, const char *text);
void send_trigger(int fd, const char *target, const char *id, const char *service);
void receive_bytes(int fd, void *data, size_t size);
void receive_frame(int fd, struct frame *ret_frame);
void expect_bytes(int fd, const void *data, size_t size);
void expect_hello(int fd, uint32_t version);
/* exec_params; returns the port. text NULL: none. */
uint32_t expect_params(int fd, uint32_t type, uint32_t domain, const char *text);
void expect_refused(int fd, const char *id);
void expect_end(int fd);
/* Nothing arrives for a moment: for what must not happen. */
void expect_silence(int fd);

/* "00 0b ff" as bytes; spaces are for the eye. Returns the count. */
size_t from_hex(const char *hex, uint8_t *ret_bytes);

/* A local client that has exchanged HELLO. */
int client_connect_to(const struct fixture *f, const char *name);

/* Waits for a connection to qubesd and reads the request to its end, as text with NULs as '|'. */
int qubesd_listen(const struct fixture *f);
int qubesd_expect(int listen_fd, const char *request);
void qubesd_answer(int fd, const char *answer, size_t size);

uint64_t now_ms(void);

#endif
