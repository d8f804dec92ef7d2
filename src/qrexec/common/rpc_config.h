/*
 * The configuration file of a service, spec 4.6: a small subset of TOML. The file is the
 * administrator's; an error in it fails the call rather than running it with other settings.
 */
#ifndef BULKHEAD_QREXEC_RPC_CONFIG_H
#define BULKHEAD_QREXEC_RPC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "qrexec/common/service.h"

#define RPC_CONFIG_PATH_DEFAULT                                                                    \
	"/run/qubes/rpc-config:/usr/local/etc/qubes/rpc-config:/etc/qubes/rpc-config"
#define RPC_CONFIG_BYTES_MAX 65536

struct rpc_config {
	bool wait_for_session;
	bool skip_service_descriptor;
	bool exit_on_service_eof;
	bool exit_on_client_eof;
	char *force_user; /* owned; NULL when absent */
};

/* Parses a whole file; `name` is for messages. Unknown keys are logged. 0 or -1. */
int rpc_config_parse(const char *text, size_t size, const char *name, struct rpc_config *ret_config,
	struct err *err);

/*
 * Finds and parses the configuration of a service call in $QUBES_RPC_CONFIG_PATH (or the
 * default). No file: all defaults, and 0. -1 with the error (QREXEC_EXIT_PROBLEM).
 */
int rpc_config_load(const struct command *command, struct rpc_config *ret_config, struct err *err);

void rpc_config_finish(struct rpc_config *config);

/* Whether one of the options that only sockets have is on. */
bool rpc_config_has_socket_options(const struct rpc_config *config);

#endif
