/*
 * Both ends of a bare virtio-serial port, for comparison with the link. The host's end waits
 * until the qube's says "ready", sends so many MiB, waits for "taken", receives as many, and
 * prints both rates.
 *
 *     bench-bare-port host SOCKET MIB
 *     bench-bare-port qube PORT-NAME MIB
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define BLOCK_BYTES 65536
#define MIB_MAX 65536
#define NAME_MAX_BYTES 64

static char block[BLOCK_BYTES];

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
say(int fd, const char *word)
{
	if (write_all(fd, word, strlen(word)) < 0)
		fatal("cannot say '%s'", word);
}

static void
await_word(int fd, const char *word)
{
	char got[16] = "";

	if (read_exactly(fd, got, strlen(word)) < 0 || strcmp(got, word) != 0)
		fatal("the other end said '%s' instead of '%s'", got, word);
}

static void
send_all(int fd, uint64_t mib)
{
	for (uint64_t left = mib << 20; left > 0; left -= BLOCK_BYTES) {
		if (write_all(fd, block, BLOCK_BYTES) < 0)
			fatal("cannot write");
	}
}

static void
receive_all(int fd, uint64_t mib)
{
	for (uint64_t left = mib << 20; left > 0;) {
		ssize_t count = read(fd, block, left < BLOCK_BYTES ? left : BLOCK_BYTES);

		if (count <= 0)
			fatal("cannot read");
		left -= (uint64_t)count;
	}
}

static void
run_host(int fd, uint64_t mib)
{
	double start, sent, received;

	await_word(fd, "ready\n");
	start = now_s();
	send_all(fd, mib);
	await_word(fd, "taken\n");
	sent = now_s() - start;
	start = now_s();
	say(fd, "go on\n");
	receive_all(fd, mib);
	received = now_s() - start;
	printf("bare port: to the qube %.1f MB/s, from it %.1f MB/s\n",
		(double)(mib << 20) / sent / 1e6, (double)(mib << 20) / received / 1e6);
}

static void
run_qube(int fd, uint64_t mib)
{
	struct pollfd connected = {.fd = fd, .events = POLLOUT};

	/* Until the host's end is there, reading says end of file. */
	while (poll(&connected, 1, 10) <= 0 || (connected.revents & POLLHUP) != 0)
		poll(NULL, 0, 10);
	say(fd, "ready\n");
	receive_all(fd, mib);
	say(fd, "taken\n");
	await_word(fd, "go on\n");
	send_all(fd, mib);
}

/* The device whose port has the name, as /sys says. */
static int
open_port(const char *name)
{
	const char *const ports = "/sys/class/virtio-ports";
	struct dirent *entry;
	DIR *listing = opendir(ports);
	int fd = -1;

	while (listing != NULL && fd < 0 && (entry = readdir(listing)) != NULL) {
		AUTO_FREE char *path = text_format("%s/%s/name", ports, entry->d_name);
		AUTO_FREE char *device = text_format("/dev/%s", entry->d_name);
		AUTO_FREE char *text = NULL;

		if (read_file(path, NAME_MAX_BYTES, &text, NULL, NULL) < 0)
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (text_equal(text, name))
			fd = open(device, O_RDWR | O_CLOEXEC);
	}
	if (listing != NULL)
		closedir(listing);
	return fd;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int fd = -1;
	bool host = argc == 4 && text_equal(argv[1], "host");
	uint64_t mib;

	log_init("bench-bare-port");
	if (argc != 4 || text_parse_u64(argv[3], MIB_MAX, &mib) < 0 ||
		(!host && !text_equal(argv[1], "qube")))
		fatal("usage: bench-bare-port host SOCKET MIB | qube PORT-NAME MIB");
	fd = host ? socket_connect(argv[2], &err) : open_port(argv[2]);
	if (fd < 0)
		fatal("%s", host ? err_message(&err) : "no such port");
	if (host)
		run_host(fd, mib);
	else
		run_qube(fd, mib);
	return 0;
}
