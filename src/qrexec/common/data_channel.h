/*
 * The data channel: one vchan per call, and at each end one endpoint. This is that endpoint, for
 * both roles: the caller (qrexec-client, qrexec-client-vm), with its own stdin and stdout or with
 * a local program's, and the service (agent, fork server, services of dom0).
 *
 * A process has one call: the functions wait, but only for this call's descriptors, and never on
 * one of them while another could move. Everything from the peer is hostile.
 */
#ifndef BULKHEAD_QREXEC_DATA_CHANNEL_H
#define BULKHEAD_QREXEC_DATA_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct data_channel;
struct libvchan;

#define DATA_CHANNEL_AGENT_WAIT_MS 120000 /* agent and client-vm */
#define DATA_CHANNEL_HELPER_WAIT_MS 5000  /* service in dom0 */
#define DATA_CHANNEL_CLIENT_WAIT_MS 10000 /* qrexec-client, unless told otherwise */

/*
 * Takes over a vchan, joined or not yet: for host programs that need more than the two functions
 * below set (vchan_extra.h). NULL without memory; the vchan is then closed.
 */
struct data_channel *data_channel_create(struct libvchan *vchan);

/*
 * Offers the channel to a domain (told by SERVICE_CONNECT, or in dom0 by the daemon's answer).
 * Returns at once; data_channel_open() then waits for the peer. `ring_bytes` 0: the usual size.
 * NULL with errno set.
 */
struct data_channel *data_channel_listen(int domain, int port, size_t ring_bytes);

/* Joins a channel (told by EXEC_CMDLINE or JUST_EXEC), waiting for it at most timeout_ms
 * (0: for ever). NULL with errno set, ETIMEDOUT among others. */
struct data_channel *data_channel_connect(int domain, int port, int timeout_ms);

/*
 * Waits for the peer and exchanges HELLO, all within timeout_ms (0: for ever). Ours is sent at
 * once, or after the peer's when `peer_first` (the dom0 side of a call from a qube to dom0).
 * From here on SIGUSR1 is caught (see switch_on_signal) and SIGPIPE ignored.
 * 0, -ETIMEDOUT, -EPROTO (not a HELLO, or too old), -ECONNRESET (lost).
 */
int data_channel_open(struct data_channel *channel, bool peer_first, int timeout_ms);

/* What was negotiated; 0 before. */
unsigned int data_channel_version(const struct data_channel *channel);

/* Flushes, disconnects and frees; what was written still reaches the peer. NULL is fine. */
void data_channel_close(struct data_channel *channel);

enum data_role {
	DATA_ROLE_CALLER,  /* sends 0x190; receives 0x191, 0x192, 0x193 */
	DATA_ROLE_SERVICE, /* sends 0x191, 0x192, 0x193; receives 0x190 */
};

/*
 * The local side. Descriptors may be shared with other processes: their mode is left as it is.
 * When `owned`, each is closed as soon as its direction has ended, so that whoever reads what we
 * write sees the end; the caller must not close them again after data_channel_run().
 *
 * `source_fd` is read and sent: the caller's stdin, the service's stdout, a socket, or the local
 * program's stdout. `sink_fd` takes what the peer sends. One and the same socket may be both: it
 * is then shut down by halves. `error_fd` is read and sent by a service (-1: an empty 0x192 is
 * sent at once); a caller writes 0x192 to it (-1: dropped).
 */
struct data_channel_io {
	enum data_role role;
	int source_fd; /* -1: at its end from the start */
	int sink_fd;   /* -1: what comes is dropped */
	int error_fd;
	bool owned;

	/*
	 * The local program, at most one of: `child`, our own child process; `status_fd`, from
	 * which its wait status can be read as an int once it ends (end of file instead: lost).
	 */
	pid_t child;   /* 0: none */
	int status_fd; /* -1: none */

	/* Service on a socket: exit code 0 once both directions have ended. */
	bool socket_service;
	bool exit_on_service_eof;
	bool exit_on_client_eof;

	/* SIGUSR1 switches to sink_fd, a socket, for both directions. */
	bool switch_on_signal;

	/* Bytes sent before anything is read from source_fd. */
	const void *prefix;
	size_t prefix_size;

	/* Service, optional: sees the bytes of error_fd as they are sent. */
	void (*note_errors)(const void *bytes, size_t size, void *data);
	void *note_data;

	/* Caller: the call is over when nobody reads sink_fd any more. */
	bool end_with_sink;

	/* Caller: replace bytes that could drive a terminal. */
	bool filter_output;
	bool filter_errors;
};

#define DATA_CHANNEL_IO_INIT                                                                       \
	{                                                                                          \
		.source_fd = -1, .sink_fd = -1, .error_fd = -1, .status_fd = -1                    \
	}

/*
 * Moves data until the call is over by the rules of its role. Returns 0 when it ended by an exit
 * code, -ECONNRESET when the channel was lost before, -EPIPE by end_with_sink, -EPROTO when the
 * peer broke the protocol (already logged). *ret_code is the exit code sent (service) or received
 * (caller; QREXEC_EXIT_LOST without one, 128 + SIGPIPE by end_with_sink). *ret_local (may be NULL)
 * is the local program's exit status, as a shell would tell it, or -1 without one.
 */
int data_channel_run(struct data_channel *channel, const struct data_channel_io *io, int *ret_code,
	int *ret_local);

/*
 * Service, instead of data_channel_run(): nothing is or could be started. With `streams`, the
 * two empty frames come first (EXEC_CMDLINE); without, only the code (JUST_EXEC).
 */
int data_channel_send_exit(struct data_channel *channel, bool streams, int code);

/* The exit code of a wait status: 128 + signal for a killed program. */
int data_channel_exit_code(int wait_status);

#endif
