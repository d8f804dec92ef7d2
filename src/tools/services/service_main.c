/*
 * What qubes may tell dom0 and ask it for, beside the Admin API: one program, started under the
 * name of the service; bulkheadd makes the links. One call a process. The policy has let the
 * caller through; what it sends is not trusted, and it learns nothing of errors but the status.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "tools/services/clock.h"
#include "tools/services/feature_service.h"
#include "tools/services/menu.h"
#include "tools/services/menu_store.h"
#include "tools/services/menus.h"
#include "tools/services/updates.h"

/* How long a caller may take to say what it has to say. */
#define PATIENCE_SECONDS 120

struct payload {
	char *bytes; /* one more than size */
	size_t size;
};

static int
notify_features(const char *caller, const char *argument, struct payload *payload, struct err *err)
{
	static struct feature_requests requests;

	(void)argument;
	if (requests_parse(payload->bytes, payload->size, &requests) < 0)
		return err_set(err, E2BIG, "too many requests");
	return features_apply(caller, &requests, err);
}

static int
notify_updates(const char *caller, const char *argument, struct payload *payload, struct err *err)
{
	bool any;

	(void)argument;
	if (update_count_parse(payload->bytes, payload->size, &any) < 0)
		return err_set(err, EBADMSG, "Update count is not a digit");
	return updates_notify(caller, any, err);
}

static int
sync_menus(const char *caller, const char *argument, struct payload *payload, struct err *err)
{
	(void)argument;
	return menus_keep(caller, payload->bytes, payload->size, err);
}

static int
tell_time(const char *caller, const char *argument, struct payload *payload, struct err *err)
{
	(void)caller;
	(void)payload;
	return clock_print(argument, err);
}

static int
tell_randomized_time(
	const char *caller, const char *argument, struct payload *payload, struct err *err)
{
	(void)caller;
	(void)argument;
	(void)payload;
	return clock_print_randomized(err);
}

/* What a service may do once it reads. */
enum reach {
	REACH_DAEMON, /* talks to bulkheadd alone */
	REACH_QUBES,  /* also calls qubes */
	REACH_MENUS,  /* also keeps menus */
};

static const struct service {
	const char *name;
	size_t payload_max; /* 0: nothing is read */
	enum reach reach;
	int (*run)(
		const char *caller, const char *argument, struct payload *payload, struct err *err);
} services[] = {
	{"qubes.FeaturesRequest", REQUESTS_MAX_BYTES, REACH_DAEMON, notify_features},
	{"qubes.GetDate", 0, REACH_QUBES, tell_time},
	{"qubes.GetRandomizedTime", 0, REACH_DAEMON, tell_randomized_time},
	{"qubes.NotifyTools", REQUESTS_MAX_BYTES, REACH_DAEMON, notify_features},
	{"qubes.NotifyUpdates", UPDATE_COUNT_MAX_BYTES, REACH_DAEMON, notify_updates},
	{"qubes.SyncAppMenus", MENU_BYTES_MAX, REACH_MENUS, sync_menus},
};

static const struct service *
find_service(const char *name)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (text_equal(services[i].name, name))
			return &services[i];
	return NULL;
}

/* All of it, or nothing of what is longer than the service takes. */
static int
read_payload(size_t max, struct payload *ret, struct err *err)
{
	AUTO_BUF struct buf bytes;
	ssize_t count;

	buf_init(&bytes, max + 2);
	while ((count = buf_read_fd(&bytes, STDIN_FILENO, 65536)) > 0)
		if (buf_len(&bytes) > max)
			return err_set(err, E2BIG, "more than was expected");
	if (count < 0)
		return err_set_errno(err, (int)-count, "cannot read");
	ret->size = buf_len(&bytes);
	ret->bytes = xcalloc(ret->size + 1, 1);
	if (ret->size > 0)
		memcpy(ret->bytes, buf_data(&bytes), ret->size);
	return 0;
}

/* What opens no file, makes no process: the first so many of the calls below. */
#define DAEMON_CALLS 4

static const int calls[] = {
	/* bulkheadd's socket */
	SYS_access,
	SYS_socket,
	SYS_connect,
	SYS_alarm,
	/* a call to a qube, in a process that can be ended */
	SYS_clone,
	SYS_clone3,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_wait4,
	SYS_kill,
	SYS_pipe2,
	SYS_prctl,
	SYS_dup3,
	SYS_bind,
	SYS_listen,
	SYS_accept4,
	SYS_socketpair,
	SYS_setsockopt,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_splice,
	SYS_tee,
	/* the files of the store */
	SYS_openat,
	SYS_readlink,
	SYS_mkdir,
	SYS_rename,
	SYS_unlink,
	SYS_unlinkat,
	SYS_rmdir,
	SYS_getdents64,
	SYS_fchmod,
	SYS_fsync,
};

/* Of all files only these: the store, and the sockets of qubes. */
static int
keep_to_places(enum reach reach, struct err *err)
{
	AUTO_FREE char *store = reach == REACH_MENUS ? menu_store_directory(err) : NULL;
	AUTO_FREE char *run = root_path("/run");
	const struct landlock_place places[] = {
		{"/dev/null", .is_writable = true},
		{run, .is_writable = true},
		{store, .is_writable = true},
	};

	if (reach == REACH_MENUS && store == NULL)
		return -1;
	return landlock_enter(places, reach == REACH_MENUS ? 3 : 2, err) < 0 ? -1 : 0;
}

/* Before the first byte of the caller. Programs are started by none of them. */
static int
confine(enum reach reach, struct err *err)
{
	const size_t count =
		reach == REACH_DAEMON ? DAEMON_CALLS : sizeof(calls) / sizeof(calls[0]);

	tzset(); /* reads a file, for the dates that are noted */
	if (reach != REACH_DAEMON && keep_to_places(reach, err) < 0)
		return -1;
	return sandbox_enter(calls, count, err);
}

static int
run(const struct service *service, const char *caller, const char *argument, struct err *err)
{
	struct payload payload = {0};
	int result = 0;

	if (confine(service->reach, err) < 0)
		return -1;
	/* The signal ends us: nothing was done yet. */
	alarm(PATIENCE_SECONDS);
	if (service->payload_max > 0)
		result = read_payload(service->payload_max, &payload, err);
	alarm(0);
	if (result == 0)
		result = service->run(caller, argument, &payload, err);
	free(payload.bytes);
	if (result == 0 && fflush(stdout) != 0)
		return err_set_errno(err, errno, "cannot answer");
	return result;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *slash = strrchr(argv[0], '/');
	const struct service *service = find_service(slash != NULL ? slash + 1 : argv[0]);
	const char *caller = getenv("QREXEC_REMOTE_DOMAIN");

	log_init("host-services");
	if (service == NULL || argc > 2) {
		fputs("usage: one of qubes.{FeaturesRequest,GetDate,GetRandomizedTime,NotifyTools,"
		      "NotifyUpdates,SyncAppMenus} [ARGUMENT]\n",
			stderr);
		return 2;
	}
	if (caller == NULL || !qube_name_valid(caller, NULL))
		fatal("%s: QREXEC_REMOTE_DOMAIN does not name the caller", service->name);
	if (run(service, caller, argc == 2 ? argv[1] : "", &err) < 0) {
		log_qube_message(
			LOG_LEVEL_WARNING, caller, "%s: %s", service->name, err_message(&err));
		return 1;
	}
	return 0;
}
