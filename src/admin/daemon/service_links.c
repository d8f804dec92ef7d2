/* Links in the service directory of dom0. Runs in bulkheadd. */
#include "admin/daemon/service_links.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/api/api.h"
#include "admin/api/method.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

#define SERVICE_DIRECTORY "/run/qubes-rpc"
#define POLICY_PROGRAM BULKHEAD_LIBEXECDIR "/policy-admin"
#define IMPORT_PROGRAM BULKHEAD_LIBEXECDIR "/volume-import"
#define HOST_PROGRAM BULKHEAD_LIBEXECDIR "/host-services"

/* Services that programs carry out: those of the policy (spec qrexec.md 6.4), the two of
 * the Admin API that carry data (spec admin-api.md 9.1), and what qubes tell dom0 and ask it for
 * (spec guest.md 1B). */
static const struct {
	const char *name, *program;
} program_services[] = {
	{"admin.vm.volume.Import", IMPORT_PROGRAM},
	{"admin.vm.volume.ImportWithSize", IMPORT_PROGRAM},
	{"policy.Get", POLICY_PROGRAM},
	{"policy.GetFiles", POLICY_PROGRAM},
	{"policy.List", POLICY_PROGRAM},
	{"policy.RegisterArgument", POLICY_PROGRAM},
	{"policy.Remove", POLICY_PROGRAM},
	{"policy.Replace", POLICY_PROGRAM},
	{"policy.include.Get", POLICY_PROGRAM},
	{"policy.include.List", POLICY_PROGRAM},
	{"policy.include.Remove", POLICY_PROGRAM},
	{"policy.include.Replace", POLICY_PROGRAM},
	{"qubes.FeaturesRequest", HOST_PROGRAM},
	{"qubes.GetDate", HOST_PROGRAM},
	{"qubes.GetRandomizedTime", HOST_PROGRAM},
	{"qubes.NotifyTools", HOST_PROGRAM},
	{"qubes.NotifyUpdates", HOST_PROGRAM},
	{"qubes.SyncAppMenus", HOST_PROGRAM},
};

/* Services that the person's session carries out, each at its socket. */
static const struct {
	const char *name, *socket_path;
} session_services[] = {
	{"qubes.Notifications", "/run/qubes/notifications.sock"},
	{"qubes.WindowIconUpdater", "/run/qubes/window-icons.sock"},
};

static bool
leads_to(const char *link, const char *socket_path)
{
	char text[PATH_MAX];
	ssize_t length = readlink(link, text, sizeof(text) - 1);

	if (length < 0)
		return false;
	text[length] = '\0';
	return text_equal(text, socket_path);
}

/* Of an older version, which knew other methods. */
static void
remove_stale(const char *directory_path, const char *socket_path)
{
	DIR *directory = opendir(directory_path);
	struct dirent *entry;

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL) {
		AUTO_FREE char *path = path_join(directory_path, entry->d_name);

		if (method_find(entry->d_name, /* is_internal= */ false) == NULL &&
			leads_to(path, socket_path))
			unlink(path);
	}
	closedir(directory);
}

static int
make_link(const char *directory_path, const char *name, const char *socket_path, struct err *err)
{
	AUTO_FREE char *path = path_join(directory_path, name);

	if (symlink(socket_path, path) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set_errno(err, errno, "service '%s': cannot link", name);
	if (!leads_to(path, socket_path))
		log_warning("service '%s': is somebody else's and is left alone", name);
	return 0;
}

/* One that leads elsewhere is of an older installation of ours, or nobody's. */
static int
make_program_links(const char *directory_path, struct err *err)
{
	for (size_t i = 0; i < sizeof(program_services) / sizeof(program_services[0]); i++) {
		const char *program = program_services[i].program;
		AUTO_FREE char *path = path_join(directory_path, program_services[i].name);

		if (!leads_to(path, program))
			(void)unlink(path);
		if (make_link(directory_path, program_services[i].name, program, err) < 0)
			return -1;
	}
	return 0;
}

static int
make_session_links(const char *directory_path, struct err *err)
{
	for (size_t i = 0; i < sizeof(session_services) / sizeof(session_services[0]); i++) {
		AUTO_FREE char *path = root_path("%s", session_services[i].socket_path);

		if (make_link(directory_path, session_services[i].name, path, err) < 0)
			return -1;
	}
	return 0;
}

int
service_links_make(struct err *err)
{
	AUTO_FREE char *directory = root_path(SERVICE_DIRECTORY);
	AUTO_FREE char *socket_path = root_path(API_SOCKET);
	size_t count;
	const struct method *methods = method_table(&count);

	if (make_directories(directory, 0755, err) < 0)
		return -1;
	remove_stale(directory, socket_path);
	for (size_t i = 0; i < count; i++) {
		if (methods[i].class == INTERNAL)
			continue;
		if (make_link(directory, methods[i].name, socket_path, err) < 0)
			return -1;
	}
	if (make_session_links(directory, err) < 0)
		return -1;
	return make_program_links(directory, err);
}
