/*
 * Where channels are: the choice of the transport, and paths of sockets. What it reads is the
 * environment of the process, which is trusted as far as the process is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "vchan/link_local.h"
#include "vchan/vchan_internal.h"

#define DEFAULT_SOCKET_PARENT "/var/run"
#define DEFAULT_SOCKET_DIRECTORY DEFAULT_SOCKET_PARENT "/vchan"

static const char *
get_variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool
path_exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0;
}

char *
vchan_find_link_socket(uint32_t peer_domain)
{
	AUTO_FREE char *in_qube = root_path("/run/vchan/link");
	AUTO_FREE char *on_host = NULL;

	if (path_exists(in_qube))
		return steal_ptr(in_qube);
	on_host = root_path("/run/vchan/link.%u", peer_domain);
	return path_exists(on_host) ? steal_ptr(on_host) : NULL;
}

static enum vchan_transport
choose_automatically(const struct vchan_config *config)
{
	AUTO_FREE char *socket_path = NULL;

	if (config->socket_dir != NULL || get_variable("VCHAN_SOCKET_DIR") != NULL ||
		get_variable("VCHAN_DOMAIN") != NULL)
		return VCHAN_TRANSPORT_UNIX;
	socket_path = vchan_find_link_socket((uint32_t)config->domain);
	return socket_path != NULL ? VCHAN_TRANSPORT_LINK : VCHAN_TRANSPORT_UNIX;
}

int
vchan_choose_transport(struct libvchan *c, const struct vchan_config *config)
{
	const char *name = get_variable("VCHAN_TRANSPORT");
	enum vchan_transport transport = config->transport;

	if (transport == VCHAN_TRANSPORT_AUTO && name != NULL) {
		if (text_equal(name, "unix"))
			transport = VCHAN_TRANSPORT_UNIX;
		else if (text_equal(name, "link"))
			transport = VCHAN_TRANSPORT_LINK;
		else
			return -EINVAL;
	}
	if (transport == VCHAN_TRANSPORT_AUTO)
		transport = choose_automatically(config);
	c->link = transport == VCHAN_TRANSPORT_LINK;
	if (c->link && !vchan_port_exists(c->port))
		return -EINVAL;
	return 0;
}

static int
own_domain_from_environment(uint32_t *ret_domain)
{
	const char *text = get_variable("VCHAN_DOMAIN");
	uint64_t number = 0;
	int result = text == NULL ? 0 : text_parse_u64(text, INT32_MAX, &number);

	if (result == 0)
		*ret_domain = (uint32_t)number;
	return result;
}

/* The directory's permissions are all that protects a channel: ours alone when we make it. */
static int
make_default_directory(const char *path)
{
	AUTO_FREE char *parent = root_path(DEFAULT_SOCKET_PARENT);

	if (path_exists(path))
		return 0;
	if (make_directories(parent, 0755, NULL) < 0)
		return -ENOENT;
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int
vchan_choose_path(struct libvchan *c, const char *socket_dir)
{
	const char *directory = socket_dir != NULL ? socket_dir : get_variable("VCHAN_SOCKET_DIR");
	AUTO_FREE char *default_directory = NULL;
	int result = 0;

	if (c->own_domain == LINK_LOCAL_DOMAIN_SELF)
		result = own_domain_from_environment(&c->own_domain);
	if (result < 0)
		return result;
	if (directory == NULL) {
		default_directory = root_path(DEFAULT_SOCKET_DIRECTORY);
		directory = default_directory;
		result = c->server ? make_default_directory(directory) : 0;
		if (result < 0)
			return result;
	}
	c->path = text_format("%s/vchan.%u.%u.%d.sock", directory,
		c->server ? c->own_domain : c->peer_domain,
		c->server ? c->peer_domain : c->own_domain, c->port);
	return 0;
}
