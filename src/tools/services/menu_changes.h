/* Noticing that the kept list of a qube's programs changed: dom0's service replaced it. */
#ifndef BULKHEAD_TOOLS_SERVICES_MENU_CHANGES_H
#define BULKHEAD_TOOLS_SERVICES_MENU_CHANGES_H

#include "base/err.h"

struct menu_changes;

/* Looks at a directory that has one for each qube. NULL with the error. */
struct menu_changes *menu_changes_open(const char *directory, struct err *err);
void menu_changes_close(struct menu_changes *changes);

/* Readable when there is something to ask for. */
int menu_changes_fd(const struct menu_changes *changes);

/*
 * The qube whose list changed, valid until the next call: 1. 0: no more for now. -1: some were
 * missed, all may have changed.
 */
int menu_changes_next(struct menu_changes *changes, const char **ret_qube);

#endif
