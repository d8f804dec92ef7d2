/*
 * Errors that explain themselves. A function that can fail for more than one reason takes a
 * `struct err *` last, fills it where the facts are known, and returns -1; callers return at
 * once or add one layer of context. The text is printed once, where the error is handled.
 */
#ifndef BULKHEAD_BASE_ERR_H
#define BULKHEAD_BASE_ERR_H

#include <stdarg.h>

struct err {
	int code;         /* an errno value, 0 when no error is held */
	const char *kind; /* a class name for the Admin API (static storage), or NULL */
	char *message;    /* owned; NULL when no error is held */
};

#define ERR_INIT                                                                                   \
	{                                                                                          \
		0, NULL, NULL                                                                      \
	}

/*
 * Stores an error, replacing any held. `code` is a positive errno value; the text follows the
 * rules of HACKING.md (lower case, noun first, values quoted). Always returns -1, so that a
 * caller can write `return err_set(...)`. `err` may be NULL: then only -1 is returned.
 */
int err_set(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with the Admin API's exception class (a string constant) beside the errno. */
int err_set_kind(struct err *err, const char *kind, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same as err_set() with strerror(code) after the text: "TEXT: no such file". */
int err_set_errno(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts context in front of the held message: "CONTEXT: MESSAGE". Always returns -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Moves the error from `from` to `to`, leaving `from` empty. Always returns -1. */
int err_move(struct err *to, struct err *from);

/* The held text, or "no error". Never NULL. */
const char *err_message(const struct err *err);

/* Drops what is held; the struct can be used again. */
void err_clear(struct err *err);

#define AUTO_ERR __attribute__((cleanup(err_clear)))

#endif
