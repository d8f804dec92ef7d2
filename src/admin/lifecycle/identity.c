/* A copy's identity on its way to it; see identity.h. Nothing that the qube answers is read. */
#include "admin/lifecycle/identity.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "admin/hypervisor/hypervisor.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/local_connect.h"
#include "base/path.h"
#include "base/text.h"

#define ENTROPY_BYTES 64
#define TEXT_MAX 8192

int
identity_connect(const char *run_directory, struct err *err)
{
	AUTO_FREE char *path = path_join(run_directory, MACHINE_SOCKET_IDENTITY);

	return local_connect(path, err);
}

static void
add_entropy(struct buf *text)
{
	uint8_t bytes[ENTROPY_BYTES];

	random_bytes(bytes, sizeof(bytes));
	buf_printf(text, "entropy=");
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(text, "%02x", bytes[i]);
	buf_printf(text, "\n");
	explicit_bzero(bytes, sizeof(bytes));
}

int
identity_send(int fd, const char *command_line, struct err *err)
{
	AUTO_BUF struct buf text;
	AUTO_FREE char *body = NULL;
	char boot_id[UUID_LENGTH + 1];
	struct timespec now;
	uint8_t length[4];
	bool is_sent;
	size_t size;

	buf_init(&text, TEXT_MAX);
	uuid_generate(boot_id);
	clock_gettime(CLOCK_REALTIME, &now);
	buf_printf(&text, "cmdline=%s\nboot_id=%s\ntime_ns=%lld%09ld\n", command_line, boot_id,
		(long long)now.tv_sec, now.tv_nsec);
	add_entropy(&text);
	size = buf_len(&text);
	body = buf_steal_string(&text);
	if (body == NULL)
		return err_set(err, E2BIG, "identity: the kernel's command line is too long");
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)(size >> 8 * i);
	/* It fits into the socket's buffer: what does not is an error, not a wait. */
	is_sent = send(fd, length, sizeof(length), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(length) &&
		  send(fd, body, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
	explicit_bzero(body, size);
	return is_sent ? 0 : err_set(err, EIO, "identity: the machine does not take it");
}
