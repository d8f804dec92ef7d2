/* Addresses that one qube may ask another to open. */
#ifndef BULKHEAD_SERVICES_URL_H
#define BULKHEAD_SERVICES_URL_H

#include <stdbool.h>
#include <stddef.h>

#define URL_MAX 4096

/* Whether it is of a kind that is opened by its address, and not as a file. */
bool url_has_scheme(const char *text);

/*
 * One line, with or without its newline, of printable ASCII without blanks, at most URL_MAX bytes.
 * 0 or -EBADMSG. Room for a NUL must follow.
 */
int url_check_line(char *untrusted_line, size_t size);

#endif
