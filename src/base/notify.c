/* One datagram to the service manager; see notify.h. */
#include "base/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/log.h"

void
notify_ready(void)
{
	static const char message[] = "READY=1";
	static bool done;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path != NULL ? strlen(path) : 0;
	AUTO_FD int fd = -1;

	if (done || length < 2 || length > sizeof(address.sun_path) ||
		(path[0] != '/' && path[0] != '@'))
		return;
	done = true;
	memcpy(address.sun_path, path, length);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
		sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_warning(
			"service manager: cannot tell it that we are ready: %s", strerror(errno));
}
