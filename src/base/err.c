/* Error values with a message; see err.h. Trusted input only: formats are ours. */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shown when there is no memory for the real text; never freed. */
static char out_of_memory[] = "out of memory";

static void
replace_message(struct err *err, char *message)
{
	if (err->message != out_of_memory)
		free(err->message);
	err->message = message != NULL ? message : out_of_memory;
}

static int __attribute__((format(printf, 4, 0)))
set_valist(struct err *err, const char *kind, int code, const char *format, va_list arguments)
{
	char *message;

	if (err == NULL)
		return -1;
	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	replace_message(err, message);
	err->code = code;
	err->kind = kind;
	return -1;
}

int
err_set(struct err *err, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_valist(err, NULL, code, format, arguments);
	va_end(arguments);
	return -1;
}

int
err_set_kind(struct err *err, const char *kind, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_valist(err, kind, code, format, arguments);
	va_end(arguments);
	return -1;
}

int
err_set_errno(struct err *err, int code, const char *format, ...)
{
	va_list arguments;
	char *message;

	if (err == NULL)
		return -1;
	va_start(arguments, format);
	set_valist(err, NULL, code, format, arguments);
	va_end(arguments);
	if (asprintf(&message, "%s: %s", err->message, strerror(code)) < 0)
		message = NULL;
	replace_message(err, message);
	return -1;
}

int
err_wrap(struct err *err, const char *format, ...)
{
	va_list arguments;
	char *context, *message;

	if (err == NULL)
		return -1;
	va_start(arguments, format);
	if (vasprintf(&context, format, arguments) < 0)
		context = NULL;
	va_end(arguments);
	if (context == NULL || asprintf(&message, "%s: %s", context, err_message(err)) < 0)
		message = NULL;
	free(context);
	replace_message(err, message);
	return -1;
}

int
err_move(struct err *to, struct err *from)
{
	if (to != NULL) {
		err_clear(to);
		*to = *from;
		*from = (struct err)ERR_INIT;
	} else {
		err_clear(from);
	}
	return -1;
}

const char *
err_message(const struct err *err)
{
	return err != NULL && err->message != NULL ? err->message : "no error";
}

void
err_clear(struct err *err)
{
	if (err->message != out_of_memory)
		free(err->message);
	*err = (struct err)ERR_INIT;
}
