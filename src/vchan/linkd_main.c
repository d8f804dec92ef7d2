/* vchan-linkd(8): options, confinement, signals. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "vchan/linkd.h"

#define LARGE_BLOCK_BYTES (128 * 1024)

enum option_name {
	OPTION_QUBE,
	OPTION_HOST,
	OPTION_NAME,
	OPTION_PORT_NAME,
	OPTION_PORT_SOCKET,
	OPTION_PORT_FD,
	OPTION_LISTEN,
	OPTION_LISTEN_FD,
	OPTION_LISTENING_FD,
	OPTION_READY_FD,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_COUNT,
};

struct option_text {
	const char *name, *argument, *text;
};

static const struct option_text options[OPTION_COUNT] = {
	[OPTION_QUBE] = {"qube", NULL, "run in a qube"},
	[OPTION_HOST] = {"host", "DOMAIN", "run on the host, for the qube of this number"},
	[OPTION_NAME] = {"name", "NAME", "the qube's name, for the log"},
	[OPTION_PORT_NAME] = {"port-name", "NAME", "virtio port to use (" LINKD_PORT_NAME ")"},
	[OPTION_PORT_SOCKET] = {"port-socket", "PATH", "QEMU's socket of the port"},
	[OPTION_PORT_FD] = {"port-fd", "N", "the port, already open"},
	[OPTION_LISTEN] = {"listen", "PATH", "local socket (/run/vchan/link[.DOMAIN])"},
	[OPTION_LISTEN_FD] = {"listen-fd", "N", "local socket, already listening"},
	[OPTION_LISTENING_FD] = {"listening-fd", "N", "gets a newline when programs can connect"},
	[OPTION_READY_FD] = {"ready-fd", "N", "gets a newline when the other end answers"},
	[OPTION_HELP] = {"help", NULL, "show this"},
	[OPTION_VERSION] = {"version", NULL, "show the version"},
};

/* On the host: what is called beyond the usual after the first byte of the qube was read. */
static const int syscalls[] = {SYS_accept4, SYS_connect, SYS_geteuid, SYS_getsockopt, SYS_openat,
	SYS_setsockopt, SYS_socket, SYS_unlink};

static void
print_help(void)
{
	puts("Usage: vchan-linkd --qube | --host DOMAIN [OPTION]...\n"
	     "Carries the channels of one qube over its virtio port.\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_text *o = &options[i];
		int width = 24 - (int)strlen(o->name);

		printf("  --%s %-*s %s\n", o->name, width, o->argument != NULL ? o->argument : "",
			o->text);
	}
}

static uint32_t
parse_number(const char *option, const char *text, uint64_t max)
{
	uint64_t value;

	if (text_parse_u64(text, max, &value) < 0)
		fatal("option '--%s': '%s' is not a number up to %llu", option, text,
			(unsigned long long)max);
	return (uint32_t)value;
}

struct arguments {
	struct linkd_config config;
	bool role_given;
	int listening_fd;
};

static void
apply_option(struct arguments *a, enum option_name option, char *value)
{
	const char *name = options[option].name;

	switch (option) {
	case OPTION_QUBE:
		a->role_given = true;
		a->config.role = LINK_ROLE_QUBE;
		a->config.domain = UINT32_MAX;
		break;
	case OPTION_HOST:
		a->role_given = true;
		a->config.role = LINK_ROLE_HOST;
		a->config.domain = parse_number(name, value, INT32_MAX);
		break;
	case OPTION_NAME:
		log_set_qube(value);
		break;
	case OPTION_PORT_NAME:
		a->config.port_name = value;
		break;
	case OPTION_PORT_SOCKET:
		a->config.port_socket = value;
		break;
	case OPTION_PORT_FD:
		a->config.port_fd = (int)parse_number(name, value, INT32_MAX);
		break;
	case OPTION_LISTEN:
		a->config.listen_path = value;
		break;
	case OPTION_LISTEN_FD:
		a->config.listen_fd = (int)parse_number(name, value, INT32_MAX);
		break;
	case OPTION_LISTENING_FD:
		a->listening_fd = (int)parse_number(name, value, INT32_MAX);
		break;
	case OPTION_READY_FD:
		a->config.ready_fd = (int)parse_number(name, value, INT32_MAX);
		break;
	case OPTION_HELP:
		print_help();
		exit(0);
	case OPTION_VERSION:
		puts("vchan-linkd " BULKHEAD_VERSION);
		exit(0);
	case OPTION_COUNT:
		break;
	}
}

static void
parse_options(int argc, char **argv, struct arguments *a)
{
	struct option table[OPTION_COUNT + 1] = {0};
	int option;

	for (int i = 0; i < OPTION_COUNT; i++) {
		table[i].name = options[i].name;
		table[i].has_arg = options[i].argument != NULL ? required_argument : no_argument;
		table[i].val = i;
	}
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == '?')
			exit(2);
		apply_option(a, (enum option_name)option, optarg);
	}
	if (!a->role_given || optind < argc)
		fatal("usage: vchan-linkd --qube | --host DOMAIN [OPTION]...");
}

/* Where the port and the local socket are when that was not said. */
static void
fill_defaults(struct linkd_config *config, char **ret_listen_path)
{
	bool is_qube = config->role == LINK_ROLE_QUBE;

	if (config->port_fd >= 0) {
		config->port_name = config->port_socket = NULL;
	} else if (is_qube && config->port_socket == NULL) {
		if (config->port_name == NULL)
			config->port_name = LINKD_PORT_NAME;
	} else if (config->port_socket == NULL) {
		fatal("on the host one of --port-socket and --port-fd is needed");
	}
	if (config->listen_path != NULL || config->listen_fd >= 0)
		return;
	AUTO_FREE char *directory = root_path("/run/vchan");
	AUTO_ERR struct err err = ERR_INIT;
	if (make_directories(directory, 0755, &err) < 0)
		fatal("%s", err_message(&err));
	*ret_listen_path = is_qube ? root_path("/run/vchan/link")
				   : root_path("/run/vchan/link.%u", config->domain);
	config->listen_path = *ret_listen_path;
}

/* A descriptor a program; the usual soft limit is below what we allow. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * What a queue took goes back to the system when it is freed. glibc's default learns from the
 * first large block to keep the next ones; musl keeps none.
 */
static void
keep_no_freed_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
	mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK_BYTES);
#endif
}

static void
tell_listening(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "\n", 1) != 1)
		log_warning("listening descriptor: cannot write: %s", strerror(errno));
	close(fd);
}

static void
handle_termination(struct loop_signal *source, int signal_number, void *data)
{
	struct linkd *d = data;

	(void)source;
	(void)signal_number;
	loop_quit(d->loop, 0);
}

static void
confine(void)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (sandbox_enter(syscalls, sizeof(syscalls) / sizeof(syscalls[0]), &err) < 0)
		fatal("%s", err_message(&err));
}

int
main(int argc, char **argv)
{
	struct arguments a = {
		.config = {.port_fd = -1, .listen_fd = -1, .ready_fd = -1},
		.listening_fd = -1,
	};
	AUTO_FREE char *default_listen_path = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	struct loop_signal *termination, *interruption;
	struct linkd d;
	int status;

	log_init("vchan-linkd");
	parse_options(argc, argv, &a);
	fill_defaults(&a.config, &default_listen_path);
	raise_descriptor_limit();
	keep_no_freed_memory();
	signal(SIGPIPE, SIG_IGN);
	if (linkd_init(&d, &a.config, &err) < 0)
		fatal("%s", err_message(&err));
	termination = loop_signal_create(d.loop, SIGTERM, handle_termination, &d);
	interruption = loop_signal_create(d.loop, SIGINT, handle_termination, &d);
	if (termination == NULL || interruption == NULL)
		fatal("signals cannot be watched: %s", strerror(errno));
	if (a.config.role == LINK_ROLE_HOST)
		confine();
	linkd_port_begin(&d);
	tell_listening(a.listening_fd);
	status = loop_run(d.loop);
	loop_signal_destroy(termination);
	loop_signal_destroy(interruption);
	linkd_finish(&d);
	return status < 0 ? 1 : status;
}
