/*
 * The checks and the cleaning of words that a qube's agent sends: request ids, services, names.
 * Runs in qrexec-daemon on untrusted bytes, before policy sees them. Cleaning replaces and never
 * rejects, so that what policy decides on is exactly what is executed later.
 */
#include <string.h>

#include "qrexec/common/protocol.h"

static bool
is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

bool
qrexec_request_id_valid(const uint8_t id[QREXEC_REQUEST_ID_BYTES])
{
	size_t length = strnlen((const char *)id, QREXEC_REQUEST_ID_BYTES);

	if (length == QREXEC_REQUEST_ID_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_word_byte((char)id[i]) && id[i] != ' ')
			return false;
	for (size_t i = length; i < QREXEC_REQUEST_ID_BYTES; i++)
		if (id[i] != 0)
			return false;
	return true;
}

bool
qrexec_service_valid(const char *service, size_t size)
{
	if (size < 2 || memchr(service, 0, size) != service + size - 1)
		return false;
	return service[0] != '+';
}

void
qrexec_clean_name(char *name)
{
	for (char *c = name; *c != '\0'; c++)
		if (!is_word_byte(*c) && *c != '@' && *c != ':')
			*c = '_';
}

void
qrexec_clean_service(char *service)
{
	for (char *c = service; *c != '\0'; c++)
		if (!is_word_byte(*c) && *c != '+')
			*c = '_';
}
