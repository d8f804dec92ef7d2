/*
 * Inside of libvchan: the channel and the steps of its set-up. A channel is set up by one of
 *
 *     LISTENING ---------------------------> JOINED      server, transport unix
 *     CONNECTING --------------------------> JOINED      client, transport unix
 *     CONNECTING <-> REQUESTED ------------> JOINED      both roles, transport link
 *
 * and is from then on a raw byte stream on `fd`. One epoll descriptor exists for the life of a
 * channel; whatever the channel waits for at the moment is in it.
 */
#ifndef BULKHEAD_VCHAN_INTERNAL_H
#define BULKHEAD_VCHAN_INTERNAL_H

#include <libvchan.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "vchan/vchan_extra.h"

enum vchan_step {
	VCHAN_STEP_LISTENING,
	VCHAN_STEP_CONNECTING, /* trying again now and then */
	VCHAN_STEP_REQUESTED,  /* asked vchan-linkd, no reply yet */
	VCHAN_STEP_JOINED,
	VCHAN_STEP_FAILED, /* `error` says why */
};

struct libvchan {
	enum vchan_step step;
	int error; /* negative errno */
	bool blocking;
	bool changed;      /* libvchan_wait() is owed an immediate return */
	bool room_watched; /* EPOLLOUT is armed */
	bool lost;         /* joined, and the peer has gone since */

	bool server;
	bool link; /* transport */
	uint32_t own_domain, peer_domain;
	int port;
	size_t read_min, write_min;
	bool rings;       /* the program can use them */
	bool rings_asked; /* and linkd has been told */
	char *path;       /* transport unix: of the socket */

	int epoll_fd;
	int fd;                   /* listening or connected socket */
	unsigned int write_limit; /* SO_SNDBUF as the kernel counts it */

	/* CONNECTING: when to try again */
	int timer_fd, inotify_fd;
	bool due;
	unsigned int attempt;
	unsigned int missing; /* attempts in a row that found no linkd where one was */
	bool reached;         /* linkd was there once */

	struct buf reply; /* REQUESTED */

	/* LISTENING: the file that is ours to remove */
	dev_t path_device;
	ino_t path_inode;
};

/* vchan_address.c */

/* Decides the transport; "link" when linkd is here. 0 or negative errno. */
int vchan_choose_transport(struct libvchan *c, const struct vchan_config *config);
/* Fills c->path and the domains for transport unix. */
int vchan_choose_path(struct libvchan *c, const char *socket_dir);
/* The socket of linkd for a peer domain: the one that exists, or NULL. The caller frees it. */
char *vchan_find_link_socket(uint32_t peer_domain);

/* vchan_listen.c */
int vchan_listen_begin(struct libvchan *c);
void vchan_listen_step(struct libvchan *c);
/* Stops listening and removes the socket from the file system if it is still ours. */
void vchan_listen_end(struct libvchan *c);

/* vchan_connect.c */
int vchan_connect_begin(struct libvchan *c);
void vchan_connect_step(struct libvchan *c);
void vchan_request_step(struct libvchan *c);
void vchan_connect_end(struct libvchan *c);

/* vchan.c: a connected socket becomes the channel's; vchan_fail() ends the set-up. */
void vchan_adopt(struct libvchan *c, int fd);
void vchan_fail(struct libvchan *c, int error);
/* Watches a descriptor in the channel's epoll. 0 or negative errno. */
int vchan_watch(struct libvchan *c, int fd, uint32_t events);
/* Closes a watched descriptor (or none) and sets it to -1. */
void vchan_unwatch(struct libvchan *c, int *fd);

#endif
