/*
 * Local programs of vchan-linkd until they are joined: their requests, the servers that wait, and
 * the channels of the peer that wait for a server. What a program says is checked here; what
 * the peer offers was checked by the link machine and is matched here against what was granted:
 * a server that has registered for exactly this address.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/socket.h"
#include "vchan/linkd.h"

/* The control channel of qrexec; in a qube, only for the system's own programs. */
#define CONTROL_PORT 512

/* A channel that the peer wants to be the client of. */
struct linkd_offer {
	struct list link; /* linkd.offers */
	struct link_stream *stream;
	uint64_t since_ms;
};

void
linkd_local_destroy(struct linkd_local *l)
{
	struct linkd *d = l->linkd;

	if (l->stream != NULL)
		link_stream_close(l->stream, LINK_REASON_DONE);
	list_remove(&l->link);
	list_remove(&l->asking_link);
	loop_fd_destroy(l->source);
	loop_fd_destroy(l->grant_source);
	linkd_ring_finish(l);
	close(l->fd);
	if (l->grant_fd >= 0)
		close(l->grant_fd);
	if (l->request_fd >= 0)
		close(l->request_fd);
	buf_finish(&l->request_bytes);
	buf_finish(&l->queue);
	free(l);
	/* There is room for another. */
	if (d->local_count-- == LINKD_LOCALS_MAX && d->listen_source != NULL)
		loop_fd_set_events(d->listen_source, EPOLLIN);
	loop_deferred_schedule(d->work);
}

/* Answers; false when the program is gone. The socket is empty, so that it always fits. */
static bool
reply(struct linkd_local *l, enum link_local_status status)
{
	AUTO_BUF struct buf b;

	buf_init(&b, LINK_LOCAL_REPLY_BYTES);
	if (link_local_put_reply(&b, status) < 0)
		return false;
	return send(l->granted ? l->grant_fd : l->fd, buf_data(&b), buf_len(&b),
		       MSG_NOSIGNAL | MSG_DONTWAIT) == LINK_LOCAL_REPLY_BYTES;
}

static void
refuse(struct linkd_local *l, const char *why)
{
	log_warning("local request: %s of uid %u, domain %u, port %u: %s",
		l->request.server ? "server" : "client", l->uid, l->request.peer_domain,
		l->request.port, why);
	reply(l, LINK_LOCAL_REFUSED);
	linkd_local_destroy(l);
}

static uint32_t
choose_window(const struct linkd_local *l)
{
	uint32_t wanted = l->request.read_min;

	if (wanted < LINK_WINDOW_DEFAULT)
		return LINK_WINDOW_DEFAULT;
	return wanted < LINKD_WINDOW_MAX ? wanted : LINKD_WINDOW_MAX;
}

/* Matching servers and offers */

/* Only the part that may differ: the other one is the qube of this link. */
static bool
serves(const struct linkd_local *l, const struct link_address *address)
{
	if (l->state != LOCAL_LISTENING || l->request.port != address->port)
		return false;
	if (l->linkd->config.role == LINK_ROLE_HOST)
		return l->request.own_domain == address->server_domain;
	return l->request.peer_domain == address->client_domain;
}

/* Whether the program has not left meanwhile, which may be known to the kernel only. */
static bool
is_there(const struct linkd_local *l)
{
	char byte;
	ssize_t count;

	if (l->granted)
		return !linkd_grant_is_void(l);
	count = recv(l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return count > 0 || (count < 0 && errno == EAGAIN);
}

static struct linkd_local *
find_server(struct linkd *d, const struct link_address *address)
{
	struct linkd_local *l, *following;

	list_for_each_safe (l, following, &d->locals, link) {
		if (!serves(l, address))
			continue;
		if (is_there(l))
			return l;
		linkd_local_destroy(l);
	}
	return NULL;
}

static void
join(struct linkd_local *l, struct link_stream *s)
{
	l->stream = s;
	link_stream_set_user(s, l);
	list_remove(&l->asking_link);
	if (!reply(l, LINK_LOCAL_JOINED)) {
		linkd_local_destroy(l);
		return;
	}
	if (l->granted)
		linkd_grant_end(l);
	buf_init(&l->queue, LINKD_WINDOW_MAX);
	l->state = LOCAL_JOINED;
	linkd_stream_begin(l);
}

static void
serve(struct linkd_local *l, struct link_stream *s)
{
	link_stream_accept(s, choose_window(l));
	join(l, s);
}

void
linkd_local_handle_open(struct link_stream *s, void *data)
{
	struct linkd *d = data;
	struct linkd_local *l = find_server(d, link_stream_address(s));
	struct linkd_offer *offer;

	if (l != NULL) {
		serve(l, s);
		return;
	}
	offer = calloc(1, sizeof(*offer));
	if (offer == NULL) {
		link_stream_close(s, LINK_REASON_REFUSED);
		return;
	}
	offer->stream = s;
	offer->since_ms = loop_now_ms();
	list_append(&d->offers, &offer->link);
}

static void
free_offer(struct linkd_offer *offer)
{
	list_remove(&offer->link);
	free(offer);
}

static void
free_offer_of(struct linkd *d, const struct link_stream *s)
{
	struct linkd_offer *offer, *following;

	list_for_each_safe (offer, following, &d->offers, link) {
		if (offer->stream == s)
			free_offer(offer);
	}
}

/* A new server takes the oldest of the offers that wait for it. */
static void
take_offer(struct linkd_local *l)
{
	struct linkd_offer *offer;

	list_for_each (offer, &l->linkd->offers, link) {
		struct link_stream *s = offer->stream;

		if (!serves(l, link_stream_address(s)))
			continue;
		free_offer(offer);
		serve(l, s);
		return;
	}
}

/* Requests */

static bool
is_privileged(const struct linkd_local *l)
{
	return l->uid == 0 || l->uid == geteuid();
}

/* The newest server of an address has it, unless it would take it from another user. */
static bool
replace_older(struct linkd_local *l)
{
	struct linkd_local *older, *following;

	list_for_each_safe (older, following, &l->linkd->locals, link) {
		if (older == l || older->state != LOCAL_LISTENING ||
			older->request.port != l->request.port ||
			older->request.own_domain != l->request.own_domain ||
			older->request.peer_domain != l->request.peer_domain)
			continue;
		if (older->uid != l->uid && !is_privileged(l))
			return false;
		reply(older, LINK_LOCAL_REPLACED);
		linkd_local_destroy(older);
	}
	return true;
}

/* Fills in defaults; a text says why the request is not allowed. */
static const char *
check_request(struct linkd_local *l)
{
	struct link_local_request *r = &l->request;
	const struct linkd_config *config = &l->linkd->config;

	if (!link_port_exists(r->port))
		return "no such port";
	if (config->role == LINK_ROLE_QUBE) {
		if (r->own_domain != LINK_LOCAL_DOMAIN_SELF)
			return "own domain: only the host may stand for others";
		if (r->port == CONTROL_PORT && !is_privileged(l))
			return "control port: not for this user";
		return NULL;
	}
	if (r->own_domain == LINK_LOCAL_DOMAIN_SELF)
		r->own_domain = 0;
	if (r->peer_domain != config->domain || r->own_domain == config->domain)
		return "domain: not the one of this link";
	return NULL;
}

static void
act_on_request(struct linkd_local *l)
{
	const char *why_not = check_request(l);

	if (why_not == NULL && l->request.grant)
		why_not = linkd_grant_begin(l);
	if (why_not != NULL) {
		refuse(l, why_not);
		return;
	}
	if (!l->request.server) {
		l->state = LOCAL_ASKING;
		list_append(&l->linkd->asking, &l->asking_link);
		loop_deferred_schedule(l->linkd->work);
		return;
	}
	if (!replace_older(l)) {
		refuse(l, "address: served by another user");
		return;
	}
	l->state = LOCAL_LISTENING;
	take_offer(l);
}

static void
read_request(struct linkd_local *l)
{
	size_t missing = LINK_LOCAL_REQUEST_BYTES - buf_len(&l->request_bytes);
	uint8_t *place = buf_reserve(&l->request_bytes, missing);
	int fd = -1, result;
	ssize_t count = place == NULL ? -ENOMEM : socket_receive_fd(l->fd, place, missing, &fd);

	if (place != NULL)
		buf_trim(&l->request_bytes, missing - (count > 0 ? (size_t)count : 0));
	if (fd >= 0 && l->request_fd < 0)
		l->request_fd = fd;
	else if (fd >= 0)
		close(fd);
	if (count == -EAGAIN)
		return;
	if (count <= 0) {
		linkd_local_destroy(l);
		return;
	}
	result = link_local_get_request(&l->request_bytes, &l->request);
	if (result == -EAGAIN)
		return;
	if (result < 0) {
		log_warning("local request: malformed, of uid %u", l->uid);
		linkd_local_destroy(l);
		return;
	}
	act_on_request(l);
}

void
linkd_local_handle_event(struct loop_fd *source, uint32_t events, void *data)
{
	struct linkd_local *l = data;

	(void)source;
	switch (l->state) {
	case LOCAL_GREETING:
		read_request(l);
		break;
	case LOCAL_LISTENING:
	case LOCAL_ASKING:
		if (l->granted)
			linkd_stream_note_end(l, events);
		else if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0)
			break;
		if (!l->granted || linkd_grant_is_void(l))
			linkd_local_destroy(l); /* withdrawn */
		break;
	case LOCAL_JOINED:
	case LOCAL_DRAINING:
		linkd_stream_handle_event(l, events);
		break;
	}
}

/* Clients */

void
linkd_local_ask(struct linkd *d)
{
	struct linkd_local *l, *following;

	list_for_each_safe (l, following, &d->asking, asking_link) {
		uint32_t own = d->config.role == LINK_ROLE_HOST ? l->request.own_domain
								: link_domain(d->link);
		const struct link_address address = {
			.server_domain = l->request.peer_domain,
			.client_domain = own,
			.port = l->request.port,
		};

		if (link_state(d->link) != LINK_UP)
			return;
		if (l->request.peer_domain == own) {
			refuse(l, "domain: a channel to itself");
			continue;
		}
		l->stream = link_stream_open(d->link, &address, choose_window(l), l);
		if (l->stream == NULL)
			return; /* as many as the peer allows; goes on when one has ended */
		list_remove(&l->asking_link);
	}
}

void
linkd_local_handle_accept(struct link_stream *s, void *data)
{
	(void)data;
	join(link_stream_user(s), s);
}

void
linkd_local_handle_refusal(
	struct linkd *d, struct link_stream *s, struct linkd_local *l, enum link_reason reason)
{
	if (l == NULL) {
		free_offer_of(d, s);
		return;
	}
	l->stream = NULL;
	if (reason == LINK_REASON_SESSION || reason == LINK_REASON_TIMEOUT) {
		/* A client waits until its server exists: it asks again. */
		list_append(&d->asking, &l->asking_link);
		loop_deferred_schedule(d->work);
		return;
	}
	reply(l, LINK_LOCAL_REFUSED);
	linkd_local_destroy(l);
}

/* Connections */

static void
accept_local(struct linkd *d, int fd)
{
	struct linkd_local *l = calloc(1, sizeof(*l));
	struct ucred credentials = {.uid = (uid_t)-1};
	socklen_t size = sizeof(credentials);

	if (l == NULL) {
		close(fd);
		return;
	}
	l->linkd = d;
	l->fd = fd;
	l->grant_fd = l->request_fd = -1;
	l->since_ms = loop_now_ms();
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
	l->uid = credentials.uid;
	buf_init(&l->request_bytes, LINK_LOCAL_REQUEST_BYTES);
	list_init(&l->asking_link);
	list_init(&l->bell_link);
	list_append(&d->locals, &l->link);
	d->local_count++;
	l->source = loop_fd_create(
		d->loop, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, linkd_local_handle_event, l);
	if (l->source == NULL) {
		linkd_local_destroy(l);
		return;
	}
	if (d->local_count == LINKD_LOCALS_MAX) {
		log_warning("local requests: too many; others wait");
		loop_fd_set_events(d->listen_source, 0);
	}
	read_request(l); /* mostly it is there already */
}

static void
handle_listen_event(struct loop_fd *source, uint32_t events, void *data)
{
	struct linkd *d = data;
	int fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0) {
		accept_local(d, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
		log_warning("local requests: cannot accept: %s", strerror(errno));
		loop_fd_set_events(source, 0); /* the sweep turns it on again */
	}
}

/* Ends what takes too long: programs that say nothing, and offers that nobody serves. */
static void
handle_sweep(struct loop_timer *timer, void *data)
{
	struct linkd *d = data;
	struct linkd_local *l, *following;
	struct linkd_offer *offer, *next;
	uint64_t now = loop_now_ms();

	list_for_each_safe (l, following, &d->locals, link) {
		if (l->state == LOCAL_GREETING && now - l->since_ms > LINKD_GREETING_TIMEOUT_MS)
			linkd_local_destroy(l);
		else if (l->grant_fd >= 0 && now - l->since_ms > LINKD_GRANT_TIMEOUT_MS)
			refuse(l, "grant: not used in time");
	}
	list_for_each_safe (offer, next, &d->offers, link) {
		if (now - offer->since_ms <= LINKD_OFFER_TIMEOUT_MS)
			break; /* the oldest is first */
		link_stream_close(offer->stream, LINK_REASON_TIMEOUT);
		free_offer(offer);
	}
	if (d->local_count < LINKD_LOCALS_MAX)
		loop_fd_set_events(d->listen_source, EPOLLIN);
	loop_deferred_schedule(d->work);
	loop_timer_start(timer, LINKD_SWEEP_MS);
}

int
linkd_local_begin(struct linkd *d, struct err *err)
{
	/* In a qube any user may ask: the host decides what is granted. */
	mode_t mode = d->config.role == LINK_ROLE_QUBE ? 0666 : 0660;

	d->listen_fd = d->config.listen_fd;
	if (d->listen_fd < 0)
		d->listen_fd = socket_listen(d->config.listen_path, mode, err);
	if (d->listen_fd < 0)
		return -1;
	fd_set_nonblocking(d->listen_fd, 1);
	d->listen_source = loop_fd_create(d->loop, d->listen_fd, EPOLLIN, handle_listen_event, d);
	d->sweep = loop_timer_create(d->loop, handle_sweep, d);
	if (d->listen_source == NULL || d->sweep == NULL)
		return err_set_errno(err, errno, "local socket: cannot be watched");
	loop_timer_start(d->sweep, LINKD_SWEEP_MS);
	return 0;
}

void
linkd_local_finish(struct linkd *d)
{
	struct linkd_local *l, *following;
	struct linkd_offer *offer, *next;

	list_for_each_safe (l, following, &d->locals, link)
		linkd_local_destroy(l);
	list_for_each_safe (offer, next, &d->offers, link)
		free_offer(offer);
	loop_timer_destroy(d->sweep);
	loop_fd_destroy(d->listen_source);
	if (d->listen_fd >= 0)
		close(d->listen_fd);
	if (d->config.listen_fd < 0 && d->config.listen_path != NULL)
		unlink(d->config.listen_path);
}
