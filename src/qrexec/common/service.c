/*
 * Finding the file of a service, protocol sections 4.3 and 4.4. Runs in the handler of a call, on
 * directories of the administrator. The file is opened once and everything that is asked about
 * it is asked of that descriptor. It is executed by its path all the same: scripts need their
 * name, and only the administrator could exchange the file meanwhile.
 */
#include "qrexec/common/service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/common/service_tcp.h"

#define TCP_LINK "/dev/tcp"

static bool
is_tcp_link(const char *link)
{
	size_t length = strlen(TCP_LINK);

	return strncmp(link, TCP_LINK, length) == 0 &&
	       (link[length] == '\0' || link[length] == '/');
}

/* 0: found; -ENOENT: try the next directory; another: stop. */
static int
open_entry(const char *path, struct service_entry *ret_entry)
{
	AUTO_FD int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char link[PATH_MAX];
	struct stat status;
	ssize_t length;
	int target;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISLNK(status.st_mode)) {
		*ret_entry = (struct service_entry){.fd = steal_fd(&fd)};
		return 0;
	}
	length = readlinkat(fd, "", link, sizeof(link) - 1);
	if (length < 0)
		return -errno;
	link[length] = '\0';
	if (is_tcp_link(link)) {
		*ret_entry = (struct service_entry){.fd = -1, .link = text_copy(link)};
		return 0;
	}
	target = open(path, O_PATH | O_CLOEXEC);
	if (target < 0)
		return -errno;
	*ret_entry = (struct service_entry){.fd = target};
	return 0;
}

static int
search_directories(const char *file, const char *directories, struct service_entry *ret_entry)
{
	const char *start = directories;

	while (*start != '\0') {
		size_t length = strcspn(start, ":");

		if (length > 0) {
			AUTO_FREE char *path = text_format("%.*s/%s", (int)length, start, file);
			int e = open_entry(path, ret_entry);

			if (e == 0)
				ret_entry->path = steal_ptr(path);
			if (e != -ENOENT)
				return e;
		}
		start += length;
		if (*start == ':')
			start++;
	}
	return -ENOENT;
}

int
service_lookup(
	const struct command *command, const char *directories, struct service_entry *ret_entry)
{
	AUTO_FREE char *specific = text_format(
		"%s+%s", command->name, command->argument != NULL ? command->argument : "");
	int e = -ENOENT;

	if (strlen(specific) <= SERVICE_NAME_MAX)
		e = search_directories(specific, directories, ret_entry);
	if (e == -ENOENT)
		e = search_directories(command->name, directories, ret_entry);
	return e;
}

void
service_entry_finish(struct service_entry *entry)
{
	if (entry->fd >= 0)
		close(entry->fd);
	free(entry->path);
	free(entry->link);
	*entry = (struct service_entry){.fd = -1};
}

/* The default path with every directory under BULKHEAD_ROOT; the caller frees it. */
static char *
default_path(void)
{
	return text_format("%s/run/qubes-rpc:%s/usr/local/etc/qubes-rpc:%s/etc/qubes-rpc",
		root_prefix(), root_prefix(), root_prefix());
}

/* Decides what the entry is; takes its parts over on success. */
static int
classify(const struct command *command, struct service_entry *entry, struct service *ret_service,
	struct err *err)
{
	struct service service = {.fd = -1};
	struct stat status;

	if (entry->link != NULL) {
		service.kind = SERVICE_TCP;
		if (service_tcp_address(entry->link + strlen(TCP_LINK), command->argument,
			    &service.host, &service.port, err) < 0)
			return err_wrap(
				err, "service '%s': '%s'", command->descriptor, entry->path);
	} else if (fstat(entry->fd, &status) < 0) {
		return err_set_errno(
			err, errno, "service '%s': '%s'", command->descriptor, entry->path);
	} else if (S_ISSOCK(status.st_mode)) {
		service.kind = SERVICE_UNIX;
	} else if (!S_ISREG(status.st_mode) ||
		   faccessat(entry->fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0) {
		return err_set(err, EACCES, "service '%s': '%s' is not executable",
			command->descriptor, entry->path);
	} else {
		service.kind = SERVICE_EXECUTABLE;
	}
	service.fd = steal_fd(&entry->fd);
	service.path = steal_ptr(entry->path);
	*ret_service = service;
	return 0;
}

int
service_find(const struct command *command, struct service *ret_service, struct err *err)
{
	const char *configured = getenv("QREXEC_SERVICE_PATH");
	AUTO_FREE char *path = configured != NULL ? text_copy(configured) : default_path();
	struct service_entry entry = {.fd = -1};
	int e = service_lookup(command, path, &entry);

	if (e == -ENOENT) {
		err_set(err, ENOENT, "service '%s': not found in '%s'", command->descriptor, path);
		return QREXEC_EXIT_NOT_FOUND;
	}
	if (e < 0) {
		err_set_errno(err, -e, "service '%s': cannot look it up", command->descriptor);
		return QREXEC_EXIT_PROBLEM;
	}
	e = classify(command, &entry, ret_service, err);
	service_entry_finish(&entry);
	return e < 0 ? QREXEC_EXIT_PROBLEM : 0;
}

void
service_finish(struct service *service)
{
	if (service->fd >= 0)
		close(service->fd);
	free(service->path);
	free(service->host);
	free(service->port);
	*service = (struct service){.fd = -1};
}
