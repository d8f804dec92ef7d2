/* The receiver's answer, as the sender reads it (send.h): at most 16 KiB from a stranger. */
#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "filecopy/send.h"

/* What is outside printable ASCII could move the cursor or pass for a quotation mark. */
static void
make_printable(char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (name[i] < 0x20 || name[i] > 0x7e || name[i] == '"')
			name[i] = '_';
	name[length] = '\0';
}

/* An old receiver sends no name: the end of the stream is then no error. */
static int
read_name(int fd, char ret_name[FILECOPY_NAME_MAX + 1], struct err *err)
{
	uint8_t untrusted_tail[FILECOPY_RESULT_TAIL_BYTES];
	uint32_t length = 0;
	int e = read_exactly(fd, untrusted_tail, sizeof(untrusted_tail));

	ret_name[0] = '\0';
	if (e == -ENODATA)
		return 0;
	if (e == 0)
		e = filecopy_result_name_length(untrusted_tail, &length);
	if (e == 0)
		e = read_exactly(fd, ret_name, length);
	if (e < 0) {
		ret_name[0] = '\0';
		return err_set_errno(err, -e, "the receiver's answer is not valid");
	}
	make_printable(ret_name, length);
	return 0;
}

int
send_read_answer(int answer_fd, uint32_t checksum, struct err *err)
{
	uint8_t untrusted_bytes[FILECOPY_RESULT_BYTES];
	char name[FILECOPY_NAME_MAX + 1] = "";
	struct filecopy_result result;
	int e = read_exactly(answer_fd, untrusted_bytes, sizeof(untrusted_bytes));

	if (e < 0)
		return err_set(err, EREMOTEIO, "the receiver ended without an answer");
	filecopy_result_decode(untrusted_bytes, &result);
	if (read_name(answer_fd, name, err) < 0)
		return -1;
	if (result.code != 0 && name[0] != '\0')
		return err_set(err, result.code < 4096 ? (int)result.code : EREMOTEIO, "\"%s\": %s",
			name, filecopy_result_text(result.code));
	if (result.code != 0)
		return err_set(err, result.code < 4096 ? (int)result.code : EREMOTEIO, "%s",
			filecopy_result_text(result.code));
	if (result.checksum != checksum)
		return err_set(err, EBADMSG, "transfer corrupted: the checksums differ");
	return 0;
}
