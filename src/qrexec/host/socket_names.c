/* Names of daemons' sockets. Runs in qrexec-daemon and in callers. */
#include "qrexec/host/socket_names.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define SOCKET_MODE 0777
#define TARGET_LENGTH_MAX 127

char *
socket_directory(const char *given)
{
	return given != NULL ? text_copy(given) : root_path("/run/qubes");
}

bool
socket_target_valid(const char *target)
{
	if (text_starts_with(target, "uuid:"))
		return uuid_valid(target + strlen("uuid:"));
	return target[0] != '\0' && target[0] != '-' && target[0] != '.' &&
	       strlen(target) <= TARGET_LENGTH_MAX && text_only_has(target, "_-.");
}

char *
socket_target_path(const char *directory, const char *target)
{
	return text_format("%s/qrexec.%s", directory, target);
}

static int
link_create(const char *target_path, const char *path, struct err *err)
{
	const char *target = strrchr(target_path, '/') + 1;

	if (unlink(path) < 0 && errno != ENOENT)
		return err_set_errno(err, errno, "link '%s': cannot replace", path);
	if (symlink(target, path) < 0)
		return err_set_errno(err, errno, "link '%s': cannot create", path);
	return 0;
}

static void
link_remove(const char *target_path, const char *path)
{
	char text[PATH_MAX];
	ssize_t length = readlink(path, text, sizeof(text) - 1);

	if (length < 0)
		return;
	text[length] = '\0';
	if (text_equal(text, strrchr(target_path, '/') + 1))
		unlink(path);
}

int
socket_names_create(const char *directory, int domain, const char *name, const char *uuid,
	struct socket_names *ret_names, struct err *err)
{
	struct socket_names names = {
		.socket = text_format("%s/qrexec.%d", directory, domain),
		.name_link = text_format("%s/qrexec.%s", directory, name),
		.uuid_link = text_format("%s/qrexec.uuid:%s", directory, uuid),
	};
	AUTO_FD int fd = socket_listen(names.socket, SOCKET_MODE, err);
	int result = fd < 0 ? -1 : 0;

	if (result == 0)
		result = link_create(names.socket, names.name_link, err);
	if (result == 0)
		result = link_create(names.socket, names.uuid_link, err);
	if (result == 0 && fd_set_nonblocking(fd, 1) < 0)
		result = err_set(err, EIO, "socket '%s': cannot be used", names.socket);
	if (result < 0) {
		socket_names_remove(&names);
		return -1;
	}
	*ret_names = names;
	return steal_fd(&fd);
}

void
socket_names_remove(struct socket_names *names)
{
	if (names->socket != NULL) {
		link_remove(names->socket, names->name_link);
		link_remove(names->socket, names->uuid_link);
		unlink(names->socket);
	}
	free(names->socket);
	free(names->name_link);
	free(names->uuid_link);
	*names = (struct socket_names){0};
}
