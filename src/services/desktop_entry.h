/*
 * Entries of the application menu, as the desktop-entry specification has them: where they are,
 * what is in them, and the command they start.
 */
#ifndef BULKHEAD_SERVICES_DESKTOP_ENTRY_H
#define BULKHEAD_SERVICES_DESKTOP_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define DESKTOP_ENTRY_MAX 65536
#define DESKTOP_KEYS_MAX 512

struct desktop_key {
	char *name, *value; /* within the text */
};

struct desktop_entry {
	char *text; /* owned */
	char *path; /* owned */
	struct desktop_key keys[DESKTOP_KEYS_MAX];
	size_t count;
};

/* Reads a file: the keys of its group "Desktop Entry". 0, or -1 with the error. */
int desktop_entry_read(const char *path, struct desktop_entry *ret_entry, struct err *err);
void desktop_entry_finish(struct desktop_entry *entry);

#define AUTO_ENTRY __attribute__((cleanup(desktop_entry_finish)))

/* The value of a key, or NULL; borrowed. */
const char *desktop_entry_get(const struct desktop_entry *entry, const char *key);

/*
 * The words of its Exec line, without the codes for files; the caller frees the array, in which
 * the words lie. NULL when the line is not valid.
 */
char **desktop_entry_command(const struct desktop_entry *entry);

/*
 * Calls back for each entry of the data directories, in the order in which they count: an id comes
 * once, from the first that has it. Stops when the callback returns other than 0, and returns that.
 */
typedef int (*desktop_entry_callback)(const char *id, const char *path, void *data);
int desktop_entries_walk(desktop_entry_callback callback, void *data);

#endif
