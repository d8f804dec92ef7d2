/* Addresses of unix sockets; see socket_address.h. */
#include "base/socket_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

int
socket_address_init(struct sockaddr_un *address, const char *path, int *ret_directory)
{
	AUTO_FREE char *directory = NULL;
	AUTO_FD int fd = -1;
	const char *slash = strrchr(path, '/');
	int length;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) < sizeof(address->sun_path)) {
		memcpy(address->sun_path, path, strlen(path) + 1);
		return 0;
	}
	if (slash == NULL || slash == path)
		return -ENAMETOOLONG;
	directory = text_copy(path);
	directory[slash - path] = '\0';
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = snprintf(
		address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", fd, slash + 1);
	if (length < 0 || length >= (int)sizeof(address->sun_path))
		return -ENAMETOOLONG;
	*ret_directory = steal_fd(&fd);
	return 0;
}
