/* Property values as the Admin API tells them (spec admin-api.md 11.2). */
#ifndef BULKHEAD_TOOLS_LIB_PROPERTY_VALUE_H
#define BULKHEAD_TOOLS_LIB_PROPERTY_VALUE_H

#include <stdbool.h>
#include <stddef.h>

struct property_value {
	char *name;  /* owned; NULL when read from an answer about one property */
	char *type;  /* owned: str, int, bool, vm, label */
	char *value; /* owned */
	bool is_default;
};

struct property_list {
	struct property_value *items; /* owned */
	size_t count;
};

/* "default=True|False type=TYPE VALUE". 0 or -EBADMSG. */
int property_value_parse(const char *text, struct property_value *ret_property);
void property_value_finish(struct property_value *property);

/* The lines of GetAll, "NAME default=... type=... VALUE" with \\ and \n escaped, sorted by name.
 * 0 or -EBADMSG. */
int property_list_parse(const char *text, struct property_list *ret_list);
void property_list_finish(struct property_list *list);

/* NULL when there is none of this name. */
const struct property_value *property_list_find(const struct property_list *list, const char *name);

/* No value at all, as opposed to the empty text: not even a default. */
bool property_value_absent(const struct property_value *property);

/* As users see it: "None" for a reference to no qube, else the value. */
const char *property_value_shown(const struct property_value *property);

/* Undoes the escapes \\, \n and \s in place; false when another escape occurs. */
bool property_unescape(char *text);

#define AUTO_PROPERTY __attribute__((cleanup(property_value_finish)))
#define AUTO_PROPERTIES __attribute__((cleanup(property_list_finish)))

#endif
