/*
 * Channels between two qubes. The vchan-linkd of each gets one end of a socketpair from the host's
 * qrexec-daemon, which knows what the policy allowed; in the place of a local program it is then
 * the peer of one channel of its qube. So the two processes join, neither having any path or right
 * of the other. Runs in vchan-linkd; who may reach its socket on the host is trusted, what comes
 * through the descriptor is passed on and looked at by nobody.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/socket.h"
#include "vchan/linkd.h"

/* Before the grant is used the granter may take it back. */
static void
handle_granter_event(struct loop_fd *source, uint32_t events, void *data)
{
	(void)source;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		linkd_local_destroy(data);
}

static bool
is_stream_socket(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

const char *
linkd_grant_begin(struct linkd_local *l)
{
	struct linkd *d = l->linkd;

	if (d->config.role != LINK_ROLE_HOST)
		return "grant: only the host grants";
	if (l->request.own_domain == 0)
		return "grant: the host's own programs ask for themselves";
	if (l->request_fd < 0 || !is_stream_socket(l->request_fd))
		return "grant: no socket came with it";
	if (link_state(d->link) != LINK_UP)
		return "grant: the qube is not there";
	loop_fd_destroy(l->source);
	l->grant_fd = l->fd;
	l->fd = steal_fd(&l->request_fd);
	l->granted = true;
	l->since_ms = loop_now_ms();
	fd_set_nonblocking(l->fd, 1);
	l->source = loop_fd_create(
		d->loop, l->fd, EPOLLIN | EPOLLRDHUP | EPOLLET, linkd_local_handle_event, l);
	l->grant_source = loop_fd_create(d->loop, l->grant_fd, EPOLLRDHUP, handle_granter_event, l);
	if (l->source == NULL || l->grant_source == NULL)
		return "grant: cannot be watched";
	return NULL;
}

void
linkd_grant_end(struct linkd_local *l)
{
	loop_fd_destroy(l->grant_source);
	l->grant_source = NULL;
	close(l->grant_fd);
	l->grant_fd = -1;
}

bool
linkd_grant_is_void(const struct linkd_local *l)
{
	char byte;

	/* The other qube may have said all it had to say before this one came. */
	return l->hung_up && recv(l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

void
linkd_grant_drop_all(struct linkd *d)
{
	struct linkd_local *l, *following;

	list_for_each_safe (l, following, &d->locals, link) {
		if (l->grant_fd >= 0)
			linkd_local_destroy(l);
	}
}
