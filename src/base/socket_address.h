/* Addresses of unix sockets whose path may be longer than a sockaddr_un holds. */
#ifndef BULKHEAD_BASE_SOCKET_ADDRESS_H
#define BULKHEAD_BASE_SOCKET_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

/*
 * Fills the address for a path. One that is too long is reached through its opened directory:
 * *ret_directory is then a descriptor that has to stay open until the call that uses the address
 * is made; otherwise it is left alone. 0 or a negative errno.
 */
int socket_address_init(struct sockaddr_un *address, const char *path, int *ret_directory);

#endif
