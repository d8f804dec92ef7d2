/*
 * Which bytes a line of policy may hold (spec qrexec.md 5.2 and 9): two lines that look alike
 * must mean the same, so rules are printable ASCII with blanks and tabs, and even a comment can
 * not hold what hides or reorders text.
 */
#ifndef BULKHEAD_QREXEC_POLICY_CHARACTERS_H
#define BULKHEAD_QREXEC_POLICY_CHARACTERS_H

#include <stddef.h>

#include "base/err.h"

/* 0, or -1 with an error that names the column and the character. */
int policy_characters_check(const char *line, size_t length, struct err *err);

#endif
