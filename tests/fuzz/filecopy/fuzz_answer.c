/* The sender's reader of answers, records of transfers, and what a caller of OpenInVM sends. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "filecopy/send.h"
#include "filecopy/transfer_record.h"
#include "services/date_line.h"
#include "services/open_file.h"
#include "services/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_answer(const uint8_t *data, size_t size)
{
	AUTO_ERR struct err err = ERR_INIT;
	int fd = memfd_create("answer", MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	if (send_read_answer(fd, 0, &err) < 0)
		/* It goes to a terminal. */
		for (const char *c = err_message(&err); *c != '\0'; c++)
			assert(*c >= ' ' && *c <= '~');
	close(fd);
}

static void
try_opened_name(const uint8_t *data, size_t size)
{
	char bytes[OPEN_FILE_NAME_BYTES] = {0};
	struct open_file_name name;

	memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
	if (open_file_decode_name(bytes, &name) == 0)
		assert(name.name[0] != '\0' && name.name[0] != '-' &&
			strchr(name.name, '/') == NULL && strcmp(name.name, ".") != 0 &&
			strcmp(name.name, "..") != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_RECORD struct transfer_record record = {0};
	struct timespec time;
	char line[8192];

	try_answer(data, size);
	try_opened_name(data, size);
	transfer_record_parse((const char *)data, size, &record, NULL);
	date_line_parse((const char *)data, size, &time);
	if (size < sizeof(line)) {
		memcpy(line, data, size);
		if (url_check_line(line, size) == 0)
			assert(url_has_scheme(line));
	}
	return 0;
}
