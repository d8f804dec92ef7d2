/*
 * What crosses between the two ends of qubes.Filecopy: entries one way, one result record back.
 * docs/protocols/filecopy.md describes the stream. Both ends use these functions; nothing here
 * does I/O.
 */
#ifndef BULKHEAD_FILECOPY_WIRE_H
#define BULKHEAD_FILECOPY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILECOPY_HEADER_BYTES 32
#define FILECOPY_RESULT_BYTES 16
#define FILECOPY_RESULT_TAIL_BYTES 4

/* A name's length on the wire counts its NUL; a link's target and a result's name have none. */
#define FILECOPY_NAME_MAX 16383
#define FILECOPY_TARGET_MAX 16383
#define FILECOPY_NSEC_MAX 999999999u

/* "Legitimate end": the stream ended in the middle of an entry. Not an errno. */
#define FILECOPY_CUT_OFF 31415926

struct filecopy_header {
	uint32_t name_length; /* with the NUL; 0 ends the transfer */
	uint32_t mode;
	uint64_t size;
	uint32_t atime, atime_nsec;
	uint32_t mtime, mtime_nsec;
};

struct filecopy_result {
	uint32_t code; /* 0, an errno or FILECOPY_CUT_OFF */
	uint32_t checksum;
};

void filecopy_header_encode(
	const struct filecopy_header *header, uint8_t ret_bytes[FILECOPY_HEADER_BYTES]);
void filecopy_header_decode(
	const uint8_t bytes[FILECOPY_HEADER_BYTES], struct filecopy_header *ret_header);

/*
 * What a receiver answers to a header alone, before the name: 0, or ENAMETOOLONG, EINVAL or EDQUOT.
 * The header that ends the transfer is always good.
 */
uint32_t filecopy_header_check(const struct filecopy_header *untrusted_header);

/* The record without its name. */
void filecopy_result_encode(const struct filecopy_result *result, uint32_t name_length,
	uint8_t ret_bytes[FILECOPY_RESULT_BYTES + FILECOPY_RESULT_TAIL_BYTES]);

/*
 * The first 16 bytes of a record. A negated code, as old receivers send for directories, is
 * turned round; any value is possible.
 */
void filecopy_result_decode(
	const uint8_t untrusted_bytes[FILECOPY_RESULT_BYTES], struct filecopy_result *ret_result);

/* The length of the name after them: 0, or -EPROTO beyond FILECOPY_NAME_MAX. */
int filecopy_result_name_length(
	const uint8_t untrusted_bytes[FILECOPY_RESULT_TAIL_BYTES], uint32_t *ret_length);

/* What a person is told about a code other than 0; static text. */
const char *filecopy_result_text(uint32_t code);

/* The checksum over everything that crosses, carried on from `checksum` (0 at the start). */
uint32_t filecopy_checksum(uint32_t checksum, const void *data, size_t size);

#endif
