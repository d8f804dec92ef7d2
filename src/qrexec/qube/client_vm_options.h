/* The command line of qrexec-client-vm. */
#ifndef BULKHEAD_QREXEC_CLIENT_VM_OPTIONS_H
#define BULKHEAD_QREXEC_CLIENT_VM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct client_vm_options {
	const char *agent_socket; /* NULL: the default */
	const char *source;       /* claimed; NULL: none */
	const char *target;
	const char *service;
	char **program; /* local program with its arguments; NULL: our own streams */
	const char *prefix;
	size_t buffer_size; /* 0: the usual */
	bool use_stdin_socket;
	bool filter_output;
	bool filter_errors;
};

/* Ends the process on -h, and with status 2 on wrong use. */
void client_vm_parse_options(int argc, char **argv, struct client_vm_options *ret_options);

#endif
