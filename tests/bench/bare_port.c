/*
 * The host's end of a bare virtio-serial port, for comparison: waits until the qube's end says
 * "ready", sends so many MiB, waits for "taken", receives as many, and prints both rates.
 *
 *     bench-bare-port SOCKET MIB
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/text.h"

#define BLOCK_BYTES 65536
#define MIB_MAX 65536

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
await_word(int fd, const char *word)
{
	char got[16] = "";

	if (read_exactly(fd, got, strlen(word)) < 0 || strcmp(got, word) != 0)
		fatal("the qube's end said '%s' instead of '%s'", got, word);
}

int
main(int argc, char **argv)
{
	static char block[BLOCK_BYTES];
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int fd = -1;
	uint64_t mib;
	double start, sent, received;

	log_init("bench-bare-port");
	if (argc != 3 || text_parse_u64(argv[2], MIB_MAX, &mib) < 0)
		fatal("usage: bench-bare-port SOCKET MIB");
	fd = socket_connect(argv[1], &err);
	if (fd < 0)
		fatal("%s", err_message(&err));
	await_word(fd, "ready\n");
	start = now_s();
	for (uint64_t left = mib << 20; left > 0; left -= BLOCK_BYTES) {
		if (write_all(fd, block, BLOCK_BYTES) < 0)
			fatal("cannot write");
	}
	await_word(fd, "taken\n");
	sent = now_s() - start;
	start = now_s();
	for (uint64_t left = mib << 20; left > 0; left -= BLOCK_BYTES) {
		if (read_exactly(fd, block, BLOCK_BYTES) < 0)
			fatal("cannot read");
	}
	received = now_s() - start;
	printf("bare virtio-serial port: to the qube %.0f MiB/s, from it %.0f MiB/s\n",
		(double)mib / sent, (double)mib / received);
	return 0;
}
