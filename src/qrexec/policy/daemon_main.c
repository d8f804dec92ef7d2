/*
 * qrexec-policy-daemon: answers on the policy socket and on the sockets of policy.EvalSimple and
 * policy.EvalGUI. One process in dom0, one loop. What it reads comes from programs of the host,
 * which pass on what qubes ask.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/path.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "qrexec/policy/agent_prompter.h"
#include "qrexec/policy/server.h"

#define POLICY_SOCKET "/run/qubes/policy.sock"
#define EVAL_SIMPLE_SOCKET "/run/qubes/policy-eval-simple.sock"
#define EVAL_GUI_SOCKET "/run/qubes/policy-eval-gui.sock"
#define AGENT_SOCKET "/run/qubes/policy-agent.sock"
#define SERVICE_DIRECTORY "/etc/qubes-rpc"
#define PROMPT_TIMEOUT_MAX_S 86400

/* GCC says so by the macro, clang by a feature. */
#ifdef __SANITIZE_ADDRESS__
#define LEAKS_ARE_SEARCHED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_SEARCHED
#endif
#endif

struct options {
	struct policy_directories directories;
	char *policy_socket, *eval_socket, *gui_socket, *client;
	uint64_t prompt_timeout_ms;
	bool link_eval, link_gui; /* the sockets are where we chose: point services at them */
};

struct daemon {
	struct loop *loop;
	struct courier *courier;
	struct prompter *prompter;
	struct decision_log *log;
	struct decider *decider;
	struct server *policy, *eval_simple, *eval_gui;
	struct loop_signal *terminate, *interrupt, *hang_up;
};

static void
print_usage(FILE *out)
{
	fprintf(out, "usage: qrexec-policy-daemon [OPTION...]\n"
		     "  --policy-path DIR        read only this directory of policy\n"
		     "  --socket-path PATH       policy socket (" POLICY_SOCKET ")\n"
		     "  --eval-socket-path PATH  socket of policy.EvalSimple\n"
		     "  --gui-socket-path PATH   socket of policy.EvalGUI\n"
		     "  --prompt-timeout SECONDS how long the user has for an answer (300)\n"
		     "  --qrexec-client PROGRAM  calls the policy agents of other qubes\n"
		     "  --help, --version\n");
}

static void
replace(char **text, const char *value)
{
	free(*text);
	*text = text_copy(value);
}

static void
set_policy_path(struct options *o, const char *path)
{
	replace(&o->directories.path[POLICY_RUNTIME], path);
	replace(&o->directories.path[POLICY_SYSTEM], path);
}

static void
options_default(struct options *o)
{
	policy_directories_default(&o->directories);
	o->policy_socket = root_path(POLICY_SOCKET);
	o->eval_socket = root_path(EVAL_SIMPLE_SOCKET);
	o->gui_socket = root_path(EVAL_GUI_SOCKET);
	o->client = text_copy(BULKHEAD_BINDIR "/qrexec-client");
	o->prompt_timeout_ms = PROMPT_TIMEOUT_MS;
	o->link_eval = o->link_gui = true;
}

static void
options_finish(struct options *o)
{
	policy_directories_finish(&o->directories);
	free(o->policy_socket);
	free(o->eval_socket);
	free(o->gui_socket);
	free(o->client);
}

static int
set_prompt_timeout(struct options *o, const char *text)
{
	uint64_t seconds;

	if (text_parse_u64(text, PROMPT_TIMEOUT_MAX_S, &seconds) < 0 || seconds == 0)
		return -1;
	o->prompt_timeout_ms = seconds * 1000;
	return 0;
}

/* -1 to go on, else the status to end with. */
static int
options_parse(struct options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"policy-path", required_argument, NULL, 'p'},
		{"socket-path", required_argument, NULL, 's'},
		{"eval-socket-path", required_argument, NULL, 'e'},
		{"gui-socket-path", required_argument, NULL, 'g'},
		{"prompt-timeout", required_argument, NULL, 't'},
		{"qrexec-client", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'p':
			set_policy_path(o, optarg);
			break;
		case 's':
			replace(&o->policy_socket, optarg);
			break;
		case 'e':
			replace(&o->eval_socket, optarg);
			o->link_eval = false;
			break;
		case 'g':
			replace(&o->gui_socket, optarg);
			o->link_gui = false;
			break;
		case 'c':
			replace(&o->client, optarg);
			break;
		case 't':
			if (set_prompt_timeout(o, optarg) == 0)
				break;
			print_usage(stderr);
			return 2;
		case 'h':
			print_usage(stdout);
			return 0;
		case 'V':
			printf("qrexec-policy-daemon %s\n", BULKHEAD_VERSION);
			return 0;
		default:
			print_usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		print_usage(stderr);
		return 2;
	}
	return -1;
}

/* A service of dom0 that is a socket: its name in the service directory leads there. */
static void
link_service(const char *name, const char *socket_path)
{
	AUTO_FREE char *directory = root_path(SERVICE_DIRECTORY);
	AUTO_FREE char *link = path_join(directory, name);
	AUTO_FREE char *temporary = text_format("%s.new", link);
	AUTO_ERR struct err err = ERR_INIT;
	struct stat status;

	if (lstat(link, &status) == 0 && !S_ISLNK(status.st_mode)) {
		log_warning("service '%s': is a file of somebody else's, left alone", name);
		return;
	}
	if (make_directories(directory, 0755, &err) < 0) {
		log_warning("service '%s': %s", name, err_message(&err));
		return;
	}
	unlink(temporary);
	if (symlink(socket_path, temporary) < 0 || rename(temporary, link) < 0)
		log_warning("service '%s': cannot link: %s", name, strerror(errno));
}

static void
handle_end_signal(struct loop_signal *source, int signal_number, void *data)
{
	struct daemon *d = data;

	(void)source;
	log_info("ending on signal %d", signal_number);
	loop_quit(d->loop, 0);
}

static void
handle_hang_up(struct loop_signal *source, int signal_number, void *data)
{
	struct daemon *d = data;
	AUTO_ERR struct err err = ERR_INIT;

	(void)source;
	(void)signal_number;
	if (d->log != NULL && decision_log_reopen(d->log, &err) < 0)
		log_error("%s", err_message(&err));
}

/* Without a log, decisions are still made: refusing every call would not write it either. */
static struct decision_log *
open_log(void)
{
	AUTO_FREE char *directory = root_path("/var/log/qubes");
	AUTO_FREE char *path = root_path(DECISION_LOG_PATH);
	AUTO_ERR struct err err = ERR_INIT;
	struct decision_log *log = NULL;

	if (make_directories(directory, 0770, &err) == 0)
		log = decision_log_open(path, &err);
	if (log == NULL)
		log_error("decisions are not logged: %s", err_message(&err));
	return log;
}

/* /run is empty after a boot, and policy without its runtime directory refuses everything. */
static void
make_runtime_directory(const char *path)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (make_directories(path, 0775, &err) < 0)
		log_warning("%s", err_message(&err));
}

static int
daemon_start(struct daemon *d, const struct options *o, struct err *err)
{
	struct decider_config config = {.directories = &o->directories};
	int courier = courier_start(o->client, err);

	if (courier < 0)
		return -1;
	d->loop = loop_create();
	if (d->loop == NULL)
		return err_set_errno(err, errno, "loop");
	d->courier = courier_create(d->loop, courier);
	if (d->courier == NULL)
		return err_set_errno(err, errno, "courier");
	config.prompter = d->prompter =
		agent_prompter_create(d->loop, d->courier, (unsigned)o->prompt_timeout_ms);
	config.log = d->log = open_log();
	make_runtime_directory(o->directories.path[POLICY_RUNTIME]);
	d->decider = decider_create(d->loop, &config);
	if (d->decider == NULL)
		return err_set_errno(err, errno, "policy");
	d->terminate = loop_signal_create(d->loop, SIGTERM, handle_end_signal, d);
	d->interrupt = loop_signal_create(d->loop, SIGINT, handle_end_signal, d);
	d->hang_up = loop_signal_create(d->loop, SIGHUP, handle_hang_up, d);
	if (d->terminate == NULL || d->interrupt == NULL || d->hang_up == NULL)
		return err_set_errno(err, errno, "signals");
	d->eval_simple =
		server_create(d->loop, d->decider, o->eval_socket, &eval_simple_protocol, err);
	if (d->eval_simple == NULL)
		return -1;
	d->eval_gui = server_create(d->loop, d->decider, o->gui_socket, &eval_gui_protocol, err);
	if (d->eval_gui == NULL)
		return -1;
	/* Last: its presence tells that the daemon is ready. */
	d->policy =
		server_create(d->loop, d->decider, o->policy_socket, &policy_socket_protocol, err);
	return d->policy != NULL ? 0 : -1;
}

static void
daemon_finish(struct daemon *d)
{
	server_destroy(d->policy);
	server_destroy(d->eval_gui);
	server_destroy(d->eval_simple);
	loop_signal_destroy(d->terminate);
	loop_signal_destroy(d->interrupt);
	loop_signal_destroy(d->hang_up);
	decider_destroy(d->decider);
	agent_prompter_destroy(d->prompter);
	courier_destroy(d->courier);
	decision_log_close(d->log);
	loop_destroy(d->loop);
}

/* Services of dom0 that are our sockets, and those of the user's policy agent. */
static void
link_services(const struct options *o)
{
	AUTO_FREE char *agent = root_path(AGENT_SOCKET);

	if (o->link_eval)
		link_service("policy.EvalSimple", o->eval_socket);
	if (o->link_gui)
		link_service("policy.EvalGUI", o->gui_socket);
	link_service("policy.Ask", agent);
	link_service("policy.Notify", agent);
}

/*
 * From here on: no program is started, nothing is changed but files. Policy may be anywhere an
 * include points to, so that paths can not be narrowed down.
 */
static int
confine(struct err *err)
{
	static const int syscalls[] = {
		/* reading policy, writing grants and the log */
		SYS_open,
		SYS_openat,
		SYS_stat,
		SYS_lstat,
		SYS_getdents64,
		SYS_readlink,
		SYS_readlinkat,
		SYS_unlink,
		SYS_unlinkat,
		SYS_rename,
		SYS_renameat,
		SYS_renameat2,
		SYS_fchmod,
		SYS_ftruncate,
		SYS_fsync,
		SYS_fdatasync,
		SYS_flock,
		SYS_inotify_add_watch,
		SYS_inotify_rm_watch,
		SYS_umask,
		SYS_geteuid,
		/* questions come in, facts are asked for */
		SYS_accept4,
		SYS_socket,
		SYS_connect,
		SYS_setsockopt,
		SYS_getsockname,
#ifdef LEAKS_ARE_SEARCHED
		/* the search for leaks at the end */
		SYS_clone,
		SYS_getdents,
		SYS_getppid,
		SYS_prctl,
		SYS_ptrace,
		SYS_sched_yield,
		SYS_wait4,
#endif
	};

	return sandbox_enter(syscalls, sizeof(syscalls) / sizeof(syscalls[0]), err);
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct options options = {0};
	struct daemon daemon = {0};
	int status;

	log_init("qrexec-policy-daemon");
	options_default(&options);
	status = options_parse(&options, argc, argv);
	if (status < 0) {
		if (daemon_start(&daemon, &options, &err) < 0)
			fatal("%s", err_message(&err));
		link_services(&options);
		if (confine(&err) < 0)
			fatal("%s", err_message(&err));
		notify_ready();
		status = loop_run(daemon.loop);
		daemon_finish(&daemon);
	}
	options_finish(&options);
	return status;
}
