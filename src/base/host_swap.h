/*
 * Whether what is in the memory of a process can get to a disk in clear: by way of the host's swap.
 */
#ifndef BULKHEAD_BASE_HOST_SWAP_H
#define BULKHEAD_BASE_HOST_SWAP_H

/*
 * A swap area in use that is neither memory itself (zram) nor encrypted by the host (dm-crypt), or
 * NULL; the caller frees it. What cannot be looked at counts as in clear.
 */
char *host_swap_in_clear(void);

/* The same with the two places that are looked at; for tests. */
char *host_swap_in_clear_at(const char *swaps_path, const char *devices_path);

#endif
