/* The schema's steps; see schema.c. Private to the store. */
#ifndef BULKHEAD_ADMIN_STORE_SCHEMA_H
#define BULKHEAD_ADMIN_STORE_SCHEMA_H

#include <stddef.h>

/* Marks a file as ours (PRAGMA application_id): "BkHd". */
#define STORE_APPLICATION_ID 0x426b4864

/* Step number i (from 0) brings version i to version i + 1. */
extern const char *const store_schema_steps[];
extern const size_t store_schema_version;

#endif
