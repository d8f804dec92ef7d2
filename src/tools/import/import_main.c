/*
 * The services admin.vm.volume.Import and ImportWithSize of dom0 (spec admin-api.md 9.1), started
 * under the name of one of them, one call a process. The policy has let the caller through; what it
 * sends is its own, and not trusted: it gets into a file that the daemon has named, and nowhere
 * else, and replaces the volume's content only when all of it is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/volume_import.h"

#define ANSWER_MAX 65536u
#define SIZE_LINE_MAX 21

/* The destination as the caller named it; "@adminvm" is dom0. */
static const char *
find_destination(void)
{
	const char *type = getenv("QREXEC_REQUESTED_TARGET_TYPE");
	const char *name = getenv("QREXEC_REQUESTED_TARGET");
	const char *keyword = getenv("QREXEC_REQUESTED_TARGET_KEYWORD");

	if (type != NULL && text_equal(type, "name") && name != NULL)
		return name;
	if (keyword != NULL && text_equal(keyword, "adminvm"))
		return "dom0";
	return NULL;
}

/* The first line: a decimal number, and no byte more than that is read. */
static int
read_size(uint64_t *ret_size, struct err *err)
{
	char untrusted_line[SIZE_LINE_MAX + 1];
	size_t length = 0;

	while (length < SIZE_LINE_MAX && read(STDIN_FILENO, untrusted_line + length, 1) == 1) {
		if (untrusted_line[length] == '\n') {
			untrusted_line[length] = '\0';
			if (text_parse_u64(untrusted_line, INT64_MAX, ret_size) == 0)
				return 0;
			break;
		}
		length++;
	}
	return err_set_kind(
		err, "ProtocolError", EBADMSG, "the first line is not the size of the data");
}

static int
run(const char *service, const char *volume, struct err *err)
{
	struct volume_import import = {
		.qube = find_destination(),
		.volume = volume,
		.fd = STDIN_FILENO,
		.has_size = text_equal(service, "admin.vm.volume.ImportWithSize"),
	};

	if (import.qube == NULL || !admin_word_valid(import.qube) || !admin_word_valid(volume))
		return err_set_kind(
			err, "ProtocolError", EBADMSG, "no destination, or no volume in it");
	if (import.has_size && read_size(&import.size_bytes, err) < 0)
		return -1;
	return volume_import_run(&import, err);
}

/* The answers of spec 8.2. A percent sign in a message would be taken for a parameter's. */
static int
answer(const struct err *err)
{
	AUTO_BUF struct buf out;
	int result = 0;

	buf_init(&out, ANSWER_MAX);
	if (err->code == 0)
		return write_all(STDOUT_FILENO, "0", 2);
	result = buf_put_text(&out, "2");
	if (result == 0)
		result = buf_put_text(&out, err->kind != NULL ? err->kind : "QubesException");
	if (result == 0)
		result = buf_put_text(&out, "");
	for (const char *c = err_message(err); *c != '\0' && result == 0; c++) {
		result = buf_put_u8(&out, (uint8_t)*c);
		if (*c == '%' && result == 0)
			result = buf_put_u8(&out, '%');
	}
	if (result == 0)
		result = buf_put_u8(&out, 0);
	return result < 0 ? result : write_all(STDOUT_FILENO, buf_data(&out), buf_len(&out));
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *slash = strrchr(argv[0], '/');
	const char *service = slash != NULL ? slash + 1 : argv[0];

	log_init("volume-import");
	if (run(service, argc > 1 ? argv[1] : "", &err) < 0)
		log_qube_message(LOG_LEVEL_WARNING, getenv("QREXEC_REMOTE_DOMAIN"), "%s: %s",
			service, err_message(&err));
	return answer(&err) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
