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

/* Services of the policy (spec qrexec.md 6.4), which one program carries out. */
static const char *const policy_services[] = {"policy.Get", "policy.GetFiles", "policy.List",
	"policy.Remove", "policy.Replace", "policy.include.Get", "policy.include.List",
	"policy.include.Remove", "policy.include.Replace"};

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
make_policy_links(const char *directory_path, struct err *err)
{
	for (size_t i = 0; i < sizeof(policy_services) / sizeof(policy_services[0]); i++) {
		AUTO_FREE char *path = path_join(directory_path, policy_services[i]);

		if (!leads_to(path, POLICY_PROGRAM))
			(void)unlink(path);
		if (make_link(directory_path, policy_services[i], POLICY_PROGRAM, err) < 0)
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
	return make_policy_links(directory, err);
}
