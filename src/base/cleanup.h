/*
 * Scope-bound ownership: a variable declared AUTO_... gives its resource back when it goes
 * out of scope. Ownership is handed over with steal_ptr() or steal_fd().
 */
#ifndef BULKHEAD_BASE_CLEANUP_H
#define BULKHEAD_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
cleanup_free(void *pointer_address)
{
	free(*(void **)pointer_address);
}

static inline void
cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void
cleanup_fclose(FILE **file)
{
	if (*file != NULL)
		fclose(*file);
}

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_FD __attribute__((cleanup(cleanup_close)))
#define AUTO_FILE __attribute__((cleanup(cleanup_fclose)))

/* Gives the pointer to the caller and leaves NULL behind. */
#define steal_ptr(pointer)                                                                         \
	__extension__({                                                                            \
		__typeof__(pointer) stolen_ = (pointer);                                           \
		(pointer) = NULL;                                                                  \
		stolen_;                                                                           \
	})

/* Gives the descriptor to the caller and leaves -1 behind. */
static inline int
steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
