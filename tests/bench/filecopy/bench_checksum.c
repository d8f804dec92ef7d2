/*
 * What the checksum of a transfer costs: the one that both ends use, beside the same done byte by
 * byte with a table, as the original does it, and beside copying the bytes once.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filecopy/wire.h"

#define PIECE (256UL * 1024)
#define ROUNDS 4000

static uint32_t table[256];

static void
make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;

		for (int bit = 0; bit < 8; bit++)
			value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320 : 0);
		table[i] = value;
	}
}

static uint32_t
by_table(uint32_t sum, const uint8_t *bytes, size_t size)
{
	sum = ~sum;
	for (size_t i = 0; i < size; i++)
		sum = table[(sum ^ bytes[i]) & 0xff] ^ (sum >> 8);
	return ~sum;
}

/* Processor time: what else runs on the machine does not count. */
static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
report(const char *what, double start, size_t bytes)
{
	printf("%-28s %8.0f MB/s\n", what, (double)bytes / 1e6 / (seconds() - start));
}

int
main(void)
{
	uint8_t *bytes = malloc(PIECE), *copy = malloc(PIECE);
	uint32_t fast = 0, slow = 0;
	double start;

	if (bytes == NULL || copy == NULL)
		return 1;
	make_table();
	for (size_t i = 0; i < PIECE; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	start = seconds();
	for (int i = 0; i < ROUNDS; i++)
		fast = filecopy_checksum(fast, bytes, PIECE);
	report("checksum of a transfer", start, ROUNDS * PIECE);
	start = seconds();
	for (int i = 0; i < ROUNDS / 10; i++)
		slow = by_table(slow, bytes, PIECE);
	report("the same byte by byte", start, ROUNDS / 10 * PIECE);
	start = seconds();
	for (int i = 0; i < ROUNDS; i++) {
		bytes[i] ^= 1;
		memcpy(copy, bytes, PIECE);
		bytes[i + 1] ^= copy[i];
	}
	report("copying the bytes", start, ROUNDS * PIECE);
	free(bytes);
	free(copy);
	/* Used, so that nothing is left out; 0 is the usual end. */
	return fast == slow && fast == 1;
}
