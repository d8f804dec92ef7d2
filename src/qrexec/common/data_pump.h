/*
 * The state of one call on a joined data channel, and the two directions that move it. Internal
 * to the data channel: users call data_channel_run().
 */
#ifndef BULKHEAD_QREXEC_DATA_PUMP_H
#define BULKHEAD_QREXEC_DATA_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qrexec/common/data_channel.h"
#include "qrexec/common/data_feeder.h"
#include "qrexec/common/data_internal.h"
#include "qrexec/common/data_receiver.h"
#include "qrexec/common/local_end.h"

struct pump {
	struct data_channel *channel;
	const struct data_channel_io *io;
	struct data_receiver receiver;

	struct local_end source; /* fd -1: at its end */
	struct local_end sink;   /* fd -1: closed; what comes for it is dropped */
	struct local_end errors;
	struct feeder *feeder;     /* NULL: not needed so far */
	struct local_end *blocked; /* sink or errors, when it takes no more now */
	bool sink_broken;          /* nobody reads it any more */
	bool sink_shut;            /* only half of the sink's socket was closed */
	bool source_end_told;      /* the peer knows that the source is at its end */
	bool errors_end_told;
	bool switch_wanted; /* the sink's socket is to become the source */

	int program_fd;   /* becomes readable when the program ends; -1: none or ended */
	int local_status; /* of the program, as a shell tells it; -1: none */

	bool hung_up; /* the channel's peer is gone: poll() has no more to say about it */
	bool coded;   /* the exit code was sent (service) or received (caller) */
	int code;

	size_t in_size, out_size; /* how much to read at once; grows with use */
	size_t prefix_sent;
	bool no_splice; /* the kernel can not do it with these descriptors */
};

bool pump_is_service(const struct pump *p);

/* Half or whole closes, as the role and the kind of descriptor ask for. */
void pump_close_source(struct pump *p);
void pump_close_errors(struct pump *p);
void pump_close_sink(struct pump *p);
/* Nobody reads the sink any more. */
void pump_break_sink(struct pump *p);

/* From the local side to the channel (data_pump_out.c). */
bool pump_wants_source(const struct pump *p);
bool pump_wants_errors(const struct pump *p);
int pump_read_source(struct pump *p);
int pump_read_errors(struct pump *p);
/* Notes SIGUSR1 if it has come. */
void pump_check_signal(struct pump *p);
/* Queues what is due without anything being read, and sends what can be sent. */
int pump_send_due(struct pump *p);
int pump_flush(struct pump *p);

/*
 * Without copying through us, for much data to or from a pipe (data_splice.c). Either moves what
 * it can and returns the number of bytes, 0 at the end of what is read, or a negative errno.
 */
bool pump_splices_out(const struct pump *p);
ssize_t pump_splice_out(struct pump *p, uint32_t type);
bool pump_wants_splice_in(const struct pump *p);
bool pump_splices_in(const struct pump *p);
ssize_t pump_splice_in(struct pump *p);

/* By the rings of the channel, once it has some (data_ring.c). */
int pump_receive_by_ring(struct pump *p);
/* Whether there is room for a frame, and where. */
bool pump_sends_by_ring(struct pump *p, uint8_t **ret_place, size_t *ret_room);

/* From the channel to the local side (data_pump_in.c). */
bool pump_wants_channel(const struct pump *p);
int pump_receive(struct pump *p);
/* Passes on what was received until it is used up or a local end takes no more. */
int pump_pass_on(struct pump *p);

#endif
