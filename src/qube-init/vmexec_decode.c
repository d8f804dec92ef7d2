#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "qube-init/vmexec.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
is_literal(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.';
}

/* One byte from its encoding of 1 to 3 characters; their number, or -EBADMSG. */
static int
decode_byte(const char *text, char *ret_byte)
{
	int high, low;

	if (is_literal(text[0])) {
		*ret_byte = text[0];
		return 1;
	}
	if (text[0] != '-')
		return -EBADMSG;
	if (text[1] == '-') {
		*ret_byte = '-';
		return 2;
	}
	high = hex_digit(text[1]);
	low = high < 0 ? -1 : hex_digit(text[2]);
	if (low < 0 || (high == 0 && low == 0))
		return -EBADMSG;
	*ret_byte = (char)(high << 4 | low);
	return 3;
}

int
vmexec_decode(const char *untrusted_text, char ***ret_argv, size_t *ret_count)
{
	size_t length = strlen(untrusted_text), slots = 2, index = 1;
	char **argv, *out;

	for (size_t i = 0; i < length; i++)
		slots += untrusted_text[i] == '+';
	/* The decoded text is never longer than the encoded one. */
	argv = calloc(1, slots * sizeof *argv + length + 1);
	if (argv == NULL)
		return -ENOMEM;
	out = (char *)(argv + slots);
	argv[0] = out;
	for (const char *text = untrusted_text; *text != '\0';) {
		int used = 1;

		if (*text == '+') {
			*out++ = '\0';
			argv[index++] = out;
		} else if ((used = decode_byte(text, out)) > 0) {
			out++;
		} else {
			free(argv);
			return used;
		}
		text += used;
	}
	*ret_argv = argv;
	*ret_count = index;
	return 0;
}
