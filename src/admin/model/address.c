/* The arithmetic of addresses; see address.h. */
#include "admin/model/address.h"

#include <stdio.h>

void
address_format_ipv4(char ret_text[ADDRESS_TEXT_SIZE], bool is_disposable, unsigned int number)
{
	unsigned int network = is_disposable ? 138 : 137, third = 0, fourth = number;

	/* The last byte is never 255, and beyond the first network never 0. */
	if (number >= 255) {
		third = (number - 1) / 254;
		fourth = (number - 1) % 254 + 1;
	}
	(void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "10.%u.%u.%u", network, third, fourth);
}

void
address_format_ipv6(char ret_text[ADDRESS_TEXT_SIZE], bool is_disposable, unsigned int number)
{
	(void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "fd09:24ef:4179:0000::%s:%x",
		is_disposable ? "a8a" : "a89", number);
}
