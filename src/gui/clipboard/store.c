/* The files of the clipboard; see store.h. Each is replaced by rename, so that none is ever half.
 */
#include "gui/clipboard/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/loop.h"
#include "gui/protocol/protocol.h"

#define FILE_MODE 0660
#define METADATA_MAX_BYTES 4096

/* What happened, for the metadata. */
struct metadata {
	bool successful, copy, paste, oversize, cleared;
};

/* Opens the directory and takes the lock, which goes with its descriptor. */
static int
lock(const char *directory, int *ret_directory, int *ret_lock, struct err *err)
{
	AUTO_FD int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int lock_fd = -1;

	if (directory_fd < 0)
		return err_set_errno(err, errno, "clipboard: directory '%s'", directory);
	lock_fd = openat(directory_fd, CLIPBOARD_LOCK_FILE,
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (lock_fd < 0)
		return err_set_errno(err, errno, "clipboard: '%s'", CLIPBOARD_LOCK_FILE);
	while (flock(lock_fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return err_set_errno(err, errno, "clipboard: cannot lock it");
	}
	*ret_directory = steal_fd(&directory_fd);
	*ret_lock = steal_fd(&lock_fd);
	return 0;
}

static int
write_file_at(int directory, const char *name, const void *data, size_t size, struct err *err)
{
	char temporary[64];
	AUTO_FD int fd = -1;
	int result;

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	unlinkat(directory, temporary, 0);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		FILE_MODE);
	if (fd < 0)
		return err_set_errno(err, errno, "clipboard: '%s'", name);
	/* Whatever the mask of this program is, the group has to reach it. */
	fchmod(fd, FILE_MODE);
	result = write_all(fd, data, size);
	if (result == 0 && renameat(directory, temporary, directory, name) < 0)
		result = -errno;
	if (result < 0) {
		unlinkat(directory, temporary, 0);
		return err_set_errno(err, -result, "clipboard: cannot write '%s'", name);
	}
	return 0;
}

/* At most max_bytes of a file; none when it does not exist. Size or -1. */
static ssize_t
read_file_at(int directory, const char *name, void *data, size_t max_bytes)
{
	AUTO_FD int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t size = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	while (size < max_bytes) {
		ssize_t count = read(fd, (char *)data + size, max_bytes - size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		size += (size_t)count;
	}
	return (ssize_t)size;
}

static void
read_time(int directory, struct clipboard_state *state)
{
	static const char key[] = "\"xevent_timestamp\":";
	char text[METADATA_MAX_BYTES + 1];
	ssize_t size = read_file_at(directory, CLIPBOARD_METADATA_FILE, text, METADATA_MAX_BYTES);
	const char *at;
	char *end;
	unsigned long value;

	if (size <= 0)
		return;
	text[size] = '\0';
	at = strstr(text, key);
	if (at == NULL)
		return;
	at += sizeof(key) - 1;
	value = strtoul(at, &end, 10);
	if (end == at || value > UINT32_MAX)
		return;
	state->time = (uint32_t)value;
	state->has_time = true;
}

static void
read_state(int directory, struct clipboard_state *ret_state)
{
	struct clipboard_state state = {0};
	ssize_t length = read_file_at(
		directory, CLIPBOARD_SOURCE_FILE, state.source, sizeof(state.source) - 1);
	struct stat status;

	if (length < 0 || (length > 0 && !qube_name_valid(state.source, NULL) &&
				  !text_equal(state.source, "dom0")))
		state.source[0] = '\0';
	if (fstatat(directory, CLIPBOARD_DATA_FILE, &status, AT_SYMLINK_NOFOLLOW) == 0)
		state.size = (size_t)status.st_size;
	read_time(directory, &state);
	*ret_state = state;
}

static int
write_metadata(int directory, const struct clipboard_operation *o, const struct metadata *m,
	struct err *err)
{
	AUTO_BUF struct buf b;

	buf_init(&b, METADATA_MAX_BYTES);
	if (buf_printf(&b, "{\n\"vmname\":\"%s\",\n\"xevent_timestamp\":%u,\n\"successful\":%d,\n",
		    o->qube, o->time, m->successful) < 0 ||
		buf_printf(&b, "\"copy_action\":%d,\n\"paste_action\":%d,\n", m->copy, m->paste) <
			0 ||
		buf_printf(&b, "\"malformed_request\":0,\n\"oversized_request\":%d,\n",
			m->oversize) < 0 ||
		buf_printf(&b, "\"cleared\":%d,\n\"qrexec_clipboard\":0,\n\"sent_size\":%u,\n",
			m->cleared, o->sent_bytes) < 0 ||
		buf_printf(&b,
			"\"buffer_size\":%u,\n\"protocol_version_xside\":%u,\n"
			"\"protocol_version_vmside\":%u\n}\n",
			o->limit_bytes, GUI_VERSION_OURS, o->agent_version) < 0)
		return err_set(err, ENOMEM, "clipboard: no memory");
	return write_file_at(directory, CLIPBOARD_METADATA_FILE, buf_data(&b), buf_len(&b), err);
}

static int
write_time(int directory, uint32_t time, struct err *err)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u\n", time);

	return write_file_at(directory, CLIPBOARD_TIME_FILE, text, (size_t)length, err);
}

/* The source comes last: it is what a widget watches. */
static int
write_all_files(int directory, const struct clipboard_operation *o, const struct metadata *m,
	const void *data, size_t size, const char *source, struct err *err)
{
	if (write_file_at(directory, CLIPBOARD_DATA_FILE, data, size, err) < 0 ||
		write_time(directory, o->time, err) < 0 ||
		write_metadata(directory, o, m, err) < 0 ||
		write_file_at(directory, CLIPBOARD_SOURCE_FILE, source, strlen(source), err) < 0)
		return -1;
	return 1;
}

/* Under the lock, unless something newer happened. */
static int
replace(const char *directory, const struct clipboard_operation *o, const struct metadata *m,
	const void *data, size_t size, const char *source, struct err *err)
{
	struct clipboard_state state;
	AUTO_FD int directory_fd = -1;
	AUTO_FD int lock_fd = -1;

	if (lock(directory, &directory_fd, &lock_fd, err) < 0)
		return -1;
	read_state(directory_fd, &state);
	if (state.has_time && !clipboard_is_newer(o->time, state.time))
		return 0;
	return write_all_files(directory_fd, o, m, data, size, source, err);
}

int
clipboard_copy(const char *directory, const struct clipboard_operation *o, const void *data,
	size_t size, struct err *err)
{
	const struct metadata m = {.successful = true, .copy = true, .cleared = size == 0};

	if (size > CLIPBOARD_MAX_BYTES)
		return err_set(err, EFBIG, "clipboard: more than it holds");
	return replace(directory, o, &m, data, size, size > 0 ? o->qube : "", err);
}

int
clipboard_refuse_oversize(
	const char *directory, const struct clipboard_operation *o, struct err *err)
{
	const struct metadata m = {.copy = true, .oversize = true, .cleared = true};

	return replace(directory, o, &m, "", 0, "", err);
}

int
clipboard_look(const char *directory, struct clipboard_state *ret_state, struct err *err)
{
	AUTO_FD int directory_fd = -1;
	AUTO_FD int lock_fd = -1;

	if (lock(directory, &directory_fd, &lock_fd, err) < 0)
		return -1;
	read_state(directory_fd, ret_state);
	return 1;
}

static bool
is_still(const struct clipboard_state *now, const struct clipboard_state *seen)
{
	return text_equal(now->source, seen->source) && now->has_time == seen->has_time &&
	       now->time == seen->time && now->source[0] != '\0';
}

/* Wiped before anything is given out: one paste a copy, whatever happens next. */
int
clipboard_take(const char *directory, const struct clipboard_operation *o,
	const struct clipboard_state *seen, struct buf *ret_data, struct err *err)
{
	const struct metadata m = {.successful = true, .paste = true, .cleared = true};
	struct clipboard_operation operation = *o;
	struct clipboard_state now;
	AUTO_FD int directory_fd = -1;
	AUTO_FD int lock_fd = -1;
	ssize_t size;
	void *room;

	if (lock(directory, &directory_fd, &lock_fd, err) < 0)
		return -1;
	read_state(directory_fd, &now);
	if (!is_still(&now, seen) || (now.has_time && !clipboard_is_newer(o->time, now.time)))
		return 0;
	room = buf_reserve(ret_data, CLIPBOARD_MAX_BYTES);
	if (room == NULL)
		return err_set(err, ENOMEM, "clipboard: no memory");
	size = read_file_at(directory_fd, CLIPBOARD_DATA_FILE, room, CLIPBOARD_MAX_BYTES);
	buf_trim(ret_data, CLIPBOARD_MAX_BYTES - (size_t)(size < 0 ? 0 : size));
	if (size < 0)
		return err_set_errno(err, errno, "clipboard: cannot read it");
	operation.sent_bytes = (uint32_t)size;
	return write_all_files(directory_fd, &operation, &m, "", 0, "", err);
}

uint32_t
clipboard_time_of_command(const struct clipboard_state *state)
{
	uint32_t now = (uint32_t)loop_now_ms();

	return !state->has_time || clipboard_is_newer(now, state->time) ? now : state->time + 1;
}

int
clipboard_clear(const char *directory, struct err *err)
{
	const struct metadata m = {.successful = true, .cleared = true};
	struct clipboard_operation o = {.qube = "dom0", .limit_bytes = CLIPBOARD_MAX_BYTES};
	struct clipboard_state state;
	AUTO_FD int directory_fd = -1;
	AUTO_FD int lock_fd = -1;

	if (lock(directory, &directory_fd, &lock_fd, err) < 0)
		return -1;
	read_state(directory_fd, &state);
	o.time = clipboard_time_of_command(&state);
	return write_all_files(directory_fd, &o, &m, "", 0, "", err);
}
