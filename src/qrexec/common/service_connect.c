/*
 * Services that are sockets: the address of a TCP service and the connection to either kind.
 * Runs in the handler of a call. Host and port may be the words of another qube, through the
 * argument; the link decides how much of the address it may choose.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/common/service.h"
#include "qrexec/common/service_tcp.h"

static bool
port_valid(const char *port)
{
	uint64_t value;

	return text_parse_u64(port, 65535, &value) == 0 && value > 0;
}

/* "HOST+PORT" of an argument, in which '+' stands for ':' within HOST. */
static int
split_argument(const char *argument, char **ret_host, char **ret_port, struct err *err)
{
	const char *plus = strrchr(argument, '+');
	char *host;

	if (strchr(argument, '_') != NULL)
		return err_set(
			err, EINVAL, "argument '%s': '_' is not part of an address", argument);
	if (plus == NULL)
		return err_set(err, EINVAL, "argument '%s': must be HOST+PORT", argument);
	host = text_format("%.*s", (int)(plus - argument), argument);
	for (char *c = host; *c != '\0'; c++)
		if (*c == '+')
			*c = ':';
	*ret_host = host;
	*ret_port = text_copy(plus + 1);
	return 0;
}

static int
split_address(
	const char *rest, const char *argument, char **ret_host, char **ret_port, struct err *err)
{
	const char *slash;

	if (rest[0] == '\0')
		return split_argument(argument, ret_host, ret_port, err);
	rest++;
	slash = strchr(rest, '/');
	if (slash == NULL) {
		*ret_host = text_copy(rest);
		*ret_port = text_copy(argument);
		return 0;
	}
	if (argument[0] != '\0')
		return err_set(err, EINVAL, "argument '%s': the service takes none", argument);
	*ret_host = text_format("%.*s", (int)(slash - rest), rest);
	*ret_port = text_copy(slash + 1);
	return 0;
}

/* Fills a numeric address. Returns its size, or 0. */
static socklen_t
make_address(const char *host, const char *port, struct sockaddr_storage *address)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)address;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)address;
	AUTO_FREE char *plain = text_copy(host);
	char *zone = strchr(plain, '%');
	uint64_t number;

	assert(host != NULL && port != NULL);
	memset(address, 0, sizeof(*address));
	if (text_parse_u64(port, 65535, &number) < 0 || number == 0)
		return 0;
	if (strpbrk(host, ":%") == NULL) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)number);
		return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? sizeof(*v4) : 0;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)number);
	if (zone != NULL) {
		*zone++ = '\0';
		v6->sin6_scope_id = if_nametoindex(zone);
		if (v6->sin6_scope_id == 0 && text_parse_u64(zone, UINT32_MAX, &number) == 0)
			v6->sin6_scope_id = (uint32_t)number;
		if (v6->sin6_scope_id == 0)
			return 0;
	}
	return inet_pton(AF_INET6, plain, &v6->sin6_addr) == 1 ? sizeof(*v6) : 0;
}

int
service_tcp_address(
	const char *rest, const char *argument, char **ret_host, char **ret_port, struct err *err)
{
	struct sockaddr_storage address;
	AUTO_FREE char *host = NULL;
	AUTO_FREE char *port = NULL;

	if (split_address(rest, argument != NULL ? argument : "", &host, &port, err) < 0)
		return -1;
	if (!port_valid(port))
		return err_set(err, EINVAL, "port '%s': not a number from 1 to 65535", port);
	if (make_address(host, port, &address) == 0)
		return err_set(err, EINVAL, "host '%s': not a numeric address", host);
	*ret_host = steal_ptr(host);
	*ret_port = steal_ptr(port);
	return 0;
}

static int
connect_tcp(const struct service *service, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t size = make_address(service->host, service->port, &address);
	AUTO_FD int fd = -1;

	if (size == 0)
		return err_set(err, EINVAL, "service '%s': bad address", service->path);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
		return err_set_errno(err, errno, "service '%s': cannot connect to %s port %s",
			service->path, service->host, service->port);
	return steal_fd(&fd);
}

/* By the descriptor: the very socket that was found, however long its path. */
static int
connect_unix(const struct service *service, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", service->fd);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set_errno(err, errno, "service '%s': cannot connect", service->path);
	return steal_fd(&fd);
}

int
service_connect(const struct service *service, struct err *err)
{
	switch (service->kind) {
	case SERVICE_TCP:
		return connect_tcp(service, err);
	case SERVICE_UNIX:
		return connect_unix(service, err);
	default:
		return err_set(err, EINVAL, "service '%s': not a socket", service->path);
	}
}
