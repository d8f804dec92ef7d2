#include "qube-init/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"

#define OUTPUT_MAX 2048

/* Services that are on unless the host says otherwise, by kind of qube (spec guest.md 4.4). */
static const char *const default_services[][8] = {
	[QUBE_KIND_APPVM] = {"qubes-update-check", "meminfo-writer", "tracker",
		"evolution-data-server", "software-rendering"},
	[QUBE_KIND_NETVM] = {"network-manager", "qubes-network", "qubes-update-check",
		"qubes-updates-proxy", "meminfo-writer", "qubes-firewall", "software-rendering"},
	[QUBE_KIND_PROXYVM] = {"qubes-network", "qubes-firewall", "qubes-update-check",
		"meminfo-writer", "software-rendering"},
	[QUBE_KIND_TEMPLATEVM] = {"qubes-update-check", "meminfo-writer", "tracker",
		"evolution-data-server", "software-rendering", "updates-proxy-setup"},
};

int
setup_run(struct err *err, const char *const *argv)
{
	struct child_config child = CHILD_CONFIG_INIT;
	AUTO_FREE char *output = NULL;
	int status;

	child.argv = argv;
	status = child_run(&child, OUTPUT_MAX, &output, err);
	if (status < 0)
		return -1;
	if (status != 0)
		return err_set(err, EIO, "program '%s': exit status %d: %s", argv[0], status,
			output != NULL ? output : "");
	return 0;
}

static int
touch(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return err_set_errno(err, errno, "file '%s': cannot create", path);
	close(fd);
	return 0;
}

int
setup_runtime_state(const struct qube_config *config, struct err *err)
{
	AUTO_FREE char *directory = root_path("/run/qubes");
	AUTO_FREE char *services = root_path("/run/qubes-service");
	AUTO_FREE char *kind =
		text_format("%s/this-is-%s", directory, qube_kind_name(config->kind));
	AUTO_FREE char *persistence = text_format(
		"%s/persistent-%s", directory, qube_persistence_name(config->persistence));
	const struct group *group = getgrnam("qubes");

	if (make_directories(directory, 0755, err) < 0 || make_directories(services, 0755, err) < 0)
		return -1;
	if (chmod(directory, 0775) < 0 ||
		(group != NULL && geteuid() == 0 && chown(directory, 0, group->gr_gid) < 0))
		return err_set_errno(err, errno, "directory '%s': cannot set its owner", directory);
	if (touch(kind, err) < 0 || touch(persistence, err) < 0)
		return -1;
	for (size_t i = 0; default_services[config->kind][i] != NULL; i++) {
		AUTO_FREE char *path = path_join(services, default_services[config->kind][i]);

		if (touch(path, err) < 0)
			return -1;
	}
	return 0;
}

/* What a unit cannot say: whose session the agent opens before it is asked for. */
static int
write_agent_environment(const struct qube_config *config, struct err *err)
{
	AUTO_FREE char *directory = root_path("/run/bulkhead");
	AUTO_FREE char *path = path_join(directory, "agent");
	AUTO_FREE char *line = text_format("QREXEC_SESSION=%s\n", config->user);
	AUTO_FD int fd = -1;

	if (make_directories(directory, 0755, err) < 0)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || write_all(fd, line, strlen(line)) < 0)
		return err_set_errno(err, errno, "file '%s': cannot write", path);
	return 0;
}

/* Not finding a private volume or a damaged one must not keep the qube's owner out of it. */
static void
carry_on(int result, struct err *err)
{
	if (result < 0)
		log_error("%s", err_message(err));
	err_clear(err);
}

int
setup_qube(const struct qube_config *config, struct err *err)
{
	AUTO_FREE char *finished = root_path("/run/qubes-service-environment");

	if (setup_runtime_state(config, err) < 0)
		return -1;
	carry_on(setup_private(config, err), err);
	carry_on(setup_homes(err), err);
	carry_on(write_agent_environment(config, err), err);
	carry_on(setup_host_name(config, err), err);
	if (config->persistence != QUBE_PERSISTENCE_FULL)
		carry_on(setup_bind_directories(err), err);
	setup_run_scripts("rc.local-early");
	return touch(finished, err);
}
