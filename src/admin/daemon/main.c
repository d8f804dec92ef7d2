/*
 * bulkheadd: puts store, model, storage, hypervisor, lifecycle and Admin API together. Stays in
 * the foreground; the machines it starts outlive it. Trusts its command line and its root.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/api/api.h"
#include "admin/api/preload.h"
#include "admin/daemon/kept_menus.h"
#include "admin/daemon/policy_guard.h"
#include "admin/daemon/service_links.h"
#include "admin/hypervisor/hypervisor.h"
#include "admin/lifecycle/lifecycle.h"
#include "admin/model/app.h"
#include "admin/storage/storage.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/path.h"
#include "base/text.h"

/* Descriptors: clients, and a few a running qube. */
#define DAEMON_FILES_MAX 16384

struct daemon {
	struct loop *loop;
	struct store *store;
	struct app *app;
	struct event_subscriber *menus;
	struct storage *storage;
	struct hypervisor *hypervisor;
	struct lifecycle *lifecycle;
	struct api *api;
	struct policy_guard *policy;
	int ready_fd;
};

static const char usage[] =
	"usage: bulkheadd [--ready-fd N] [--verbose] [--help] [--version]\n"
	"\n"
	"Manages qubes and answers the Admin API on /run/qubesd.sock.\n"
	"\n"
	"  --ready-fd N   write a newline to descriptor N once requests are answered\n"
	"  -v, --verbose  log more (also: BULKHEAD_LOG=debug)\n"
	"  -h, --help     show this text\n"
	"      --version  show the version\n"
	"\n"
	"BULKHEAD_ROOT=DIR puts DIR in front of every path: a private instance.\n";

static int
parse_options(struct daemon *d, int argc, char **argv)
{
	static const struct option options[] = {
		{"ready-fd", required_argument, NULL, 'r'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	uint64_t number;
	int option;

	while ((option = getopt_long(argc, argv, "vh", options, NULL)) >= 0) {
		switch (option) {
		case 'r':
			if (text_parse_u64(optarg, 1023, &number) < 0) {
				fprintf(stderr, "bulkheadd: error: '%s' is no descriptor\n",
					optarg);
				return 2;
			}
			d->ready_fd = (int)number;
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("bulkheadd " BULKHEAD_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	return -1;
}

static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max < DAEMON_FILES_MAX ? limit.rlim_max : DAEMON_FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool
pool_exists(const char *name, void *data)
{
	return text_equal(name, STORAGE_POOL_DEFAULT) || text_equal(name, STORAGE_POOL_KERNEL);
}

static const char *
pool_default(void *data)
{
	return STORAGE_POOL_DEFAULT;
}

static int
open_model(struct daemon *d, struct err *err)
{
	static const struct app_hooks hooks = {
		.pool_exists = pool_exists, .pool_default = pool_default};
	AUTO_FREE char *store_path = root_path(STORE_PATH);
	AUTO_FREE char *store_directory = root_path("/var/lib/qubes");

	bool is_new;

	if (make_directories(store_directory, 0755, err) < 0)
		return -1;
	is_new = access(store_path, F_OK) < 0;
	d->store = store_open(store_path, err);
	if (d->store == NULL)
		return -1;
	d->app = app_create(d->store, &hooks, err);
	if (d->app == NULL)
		return -1;
	d->menus = kept_menus_follow(d->app);
	if (is_new && preloads_set_default(d->app, err) < 0)
		return -1;
	d->storage = storage_create(d->loop, d->store, err);
	return d->storage == NULL ? -1 : 0;
}

static int
open_machines(struct daemon *d, struct err *err)
{
	AUTO_ERR struct err reason = ERR_INIT;
	struct lifecycle_config config = {
		.loop = d->loop, .store = d->store, .app = d->app, .storage = d->storage};

	/* Without a hypervisor everything but starting qubes still works. */
	d->hypervisor = hypervisor_create(d->loop, &reason);
	if (d->hypervisor == NULL) {
		log_error("no qube can be started: %s", err_message(&reason));
		config.no_hypervisor = text_copy(err_message(&reason));
	}
	config.hypervisor = d->hypervisor;
	d->lifecycle = lifecycle_create(&config, err);
	return d->lifecycle == NULL ? -1 : 0;
}

/* What calls between qubes need on this side: a policy daemon, and ourselves as a service. */
static int
open_calls(struct daemon *d, struct err *err)
{
	if (service_links_make(err) < 0)
		return -1;
	d->policy = policy_guard_create(d->loop, err);
	return d->policy == NULL ? -1 : 0;
}

static uint64_t
cpu_time_ns(const struct qube *q, void *data)
{
	return lifecycle_cpu_time_ns(data, q);
}

static bool
is_call_daemon(pid_t pid, void *data)
{
	return lifecycle_is_call_daemon(data, pid);
}

/* What runs is known: requests may come. */
static void
handle_recovered(void *data, const struct err *untold)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct daemon *d = data;
	/* What is wrong with single qubes has been logged. */
	struct api_config config = {.loop = d->loop,
		.app = d->app,
		.storage = d->storage,
		.lifecycle = d->lifecycle,
		.cpu_time_ns = cpu_time_ns,
		.is_call_daemon = is_call_daemon,
		.data = d->lifecycle};

	d->api = api_create_with(&config, &err);
	if (d->api == NULL) {
		log_error("%s", err_message(&err));
		loop_quit(d->loop, 1);
		return;
	}
	log_info("ready, %zu qubes", d->app->qube_count);
	notify_ready();
	if (d->ready_fd >= 0) {
		write_all(d->ready_fd, "\n", 1);
		close(steal_fd(&d->ready_fd));
	}
}

static void
handle_signal(struct loop_signal *source, int signal_number, void *data)
{
	struct daemon *d = data;

	log_info("signal %d: ending; running qubes go on", signal_number);
	loop_quit(d->loop, 0);
}

static int
serve(struct daemon *d, struct err *err)
{
	struct loop_signal *on_term, *on_int;
	int status;

	if (open_model(d, err) < 0 || open_machines(d, err) < 0 || open_calls(d, err) < 0 ||
		lifecycle_recover(d->lifecycle, handle_recovered, d, err) < 0)
		return -1;
	on_term = loop_signal_create(d->loop, SIGTERM, handle_signal, d);
	on_int = loop_signal_create(d->loop, SIGINT, handle_signal, d);
	status = loop_run(d->loop);
	loop_signal_destroy(on_term);
	loop_signal_destroy(on_int);
	return status;
}

/* As long as a qube runs it may call. */
static bool
calls_are_over(const struct app *app)
{
	struct qube *q;
	size_t i;

	if (app == NULL)
		return true;
	app_for_each_qube(app, i, q)
	{
		if (qube_class_has_machine(q->class) && !qube_is_halted(q))
			return false;
	}
	return true;
}

static void
close_all(struct daemon *d)
{
	policy_guard_destroy(d->policy, calls_are_over(d->app));
	api_destroy(d->api);
	lifecycle_destroy(d->lifecycle);
	hypervisor_destroy(d->hypervisor);
	storage_destroy(d->storage);
	events_unsubscribe(d->menus);
	app_destroy(d->app);
	store_close(d->store);
	loop_destroy(d->loop);
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct daemon d = {.ready_fd = -1};
	int status;

	log_init("bulkheadd");
	status = parse_options(&d, argc, argv);
	if (status >= 0)
		return status;
	umask(0022);
	/* Qubes are reached over links, also while a linkd is being started again. */
	setenv("VCHAN_TRANSPORT", "link", 1);
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	d.loop = loop_create();
	if (d.loop == NULL)
		fatal("event loop: the kernel refuses");
	status = serve(&d, &err);
	if (status < 0) {
		log_error("%s", err.message != NULL ? err_message(&err) : "the event loop failed");
		status = 1;
	}
	close_all(&d);
	return status;
}
