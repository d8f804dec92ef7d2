/*
 * Places where a test may end the process as a power cut would. Crash-safety is a claim about
 * what lies between two steps; a crash point gives that place a name, "operation:after-step".
 *
 * BULKHEAD_CRASH_AT=NAME kills this process with SIGKILL when NAME is reached.
 * BULKHEAD_CRASH_LIST=FILE appends every name reached to FILE, one a line, so that a test finds
 * all of them. Without these variables a crash point is one comparison.
 */
#ifndef BULKHEAD_BASE_CRASH_POINT_H
#define BULKHEAD_BASE_CRASH_POINT_H

void crash_point(const char *name);

#endif
