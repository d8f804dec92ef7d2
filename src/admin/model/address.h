/* Addresses that follow from a qube's number (spec admin-api.md section 2). */
#ifndef BULKHEAD_ADMIN_MODEL_ADDRESS_H
#define BULKHEAD_ADMIN_MODEL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#define ADDRESS_TEXT_SIZE 64

/* "10.137..." for a qid, "10.138..." for a dispid. */
void address_format_ipv4(char ret_text[ADDRESS_TEXT_SIZE], bool is_disposable, unsigned int number);
void address_format_ipv6(char ret_text[ADDRESS_TEXT_SIZE], bool is_disposable, unsigned int number);

#define ADDRESS_DNS_BOTH "10.139.1.1 10.139.1.2"
#define ADDRESS_NETMASK "255.255.255.255"
#define ADDRESS_MAC "00:16:3e:5e:6c:00"

#endif
