/*
 * Fills the root volume of a halted qube from a raw image, by the steps of spec admin-api.md 9.1:
 * the daemon names a file, we write it, the daemon takes it over. Works in dom0 only.
 */
#ifndef BULKHEAD_TOOLS_QVM_ROOT_IMPORT_H
#define BULKHEAD_TOOLS_QVM_ROOT_IMPORT_H

#include "base/err.h"

/* 0 or -1 with the error; after an error the volume is as it was. */
int root_import(const char *qube, const char *image_path, struct err *err);

#endif
