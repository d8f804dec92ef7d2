/* What cmocka wants to see before itself. */
#ifndef BULKHEAD_TESTS_CMOCKA_ALL_H
#define BULKHEAD_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
