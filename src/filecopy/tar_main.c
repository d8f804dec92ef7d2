/*
 * tar2qfile: sends members of a tar archive in the form of qubes.Filecopy, for the restoring of
 * backups (spec guest.md 1.B). Runs as the user in the qube that holds the archive. A member that
 * can not be sent as it is, or was asked for and is not there, ends it before its end: the
 * receiver then shows nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "filecopy/names.h"
#include "filecopy/output.h"
#include "filecopy/send.h"
#include "filecopy/tar.h"
#include "filecopy/tree.h"

#define DEFAULT_DIRECTORY_MODE 0700

/* A directory that was announced once; the second time is when nothing more goes into it. */
struct open_directory {
	char *name;
	struct filecopy_header header;
};

struct wanted {
	const char *path; /* "" for everything */
	bool seen, done;
};

struct archive {
	int fd;
	struct filecopy_output out;
	struct open_directory directories[TREE_DEPTH_MAX];
	size_t depth;
	struct wanted *wanted;
	size_t wanted_count;
	struct err *err;
};

/* --- reading -------------------------------------------------------------------------------- */

static int
read_bytes(struct archive *a, void *to, size_t size)
{
	int e = read_exactly(a->fd, to, size);

	if (e == -ENODATA)
		return err_set(a->err, EBADMSG, "archive: it ends too early");
	return e < 0 ? err_set_errno(a->err, -e, "archive") : 0;
}

static int
skip_bytes(struct archive *a, uint64_t size)
{
	char block[TAR_BLOCK_BYTES * 16];

	while (size > 0) {
		size_t part = size < sizeof(block) ? (size_t)size : sizeof(block);

		if (read_bytes(a, block, part) < 0)
			return -1;
		size -= part;
	}
	return 0;
}

/* A member with all that the records before it say. */
static int
read_member(struct archive *a, struct tar_member *m)
{
	static char body[TAR_EXTENSION_MAX + TAR_BLOCK_BYTES + 1];
	uint8_t block[TAR_BLOCK_BYTES];

	memset(m, 0, sizeof(*m));
	for (;;) {
		size_t size;

		if (read_bytes(a, block, sizeof(block)) < 0 ||
			tar_take_header(m, block, a->err) < 0)
			return -1;
		if (m->kind < TAR_LONG_NAME || m->kind == TAR_END)
			return 0;
		size = (size_t)m->size;
		if (read_bytes(a, body, size + tar_padding(size)) < 0)
			return -1;
		body[size] = '\0';
		if (tar_take_extension(m, m->kind, body, size, a->err) < 0)
			return -1;
	}
}

/* --- sending -------------------------------------------------------------------------------- */

static int
put(struct archive *a, const void *data, size_t size)
{
	int e = filecopy_output_put(&a->out, data, size);

	return e < 0 ? err_set_errno(a->err, -e, "cannot send") : 0;
}

static int
put_entry(struct archive *a, const char *name, struct filecopy_header *header)
{
	uint8_t bytes[FILECOPY_HEADER_BYTES];

	header->name_length = (uint32_t)strlen(name) + 1;
	filecopy_header_encode(header, bytes);
	return put(a, bytes, sizeof(bytes)) < 0 ? -1 : put(a, name, header->name_length);
}

static int
close_directory(struct archive *a)
{
	struct open_directory *d = &a->directories[--a->depth];
	int result = put_entry(a, d->name, &d->header);

	free(d->name);
	return result;
}

static int
open_directory(struct archive *a, const char *name, const struct filecopy_header *header)
{
	struct open_directory *d = &a->directories[a->depth];

	if (a->depth == TREE_DEPTH_MAX)
		return err_set(a->err, ENAMETOOLONG, "'%s': too deep", name);
	*d = (struct open_directory){.name = text_copy(name), .header = *header};
	a->depth++;
	return put_entry(a, name, &d->header);
}

static bool
is_within(const char *name, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(name, directory, length) == 0 &&
	       (name[length] == '/' || name[length] == '\0');
}

/* Closes what the name is not in, and announces the directories on its way. */
static int
reach(struct archive *a, const char *name)
{
	const struct filecopy_header plain = {.mode = S_IFDIR | DEFAULT_DIRECTORY_MODE};

	while (a->depth > 0 && !is_within(name, a->directories[a->depth - 1].name))
		if (close_directory(a) < 0)
			return -1;
	for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		AUTO_FREE char *parent = text_format("%.*s", (int)(slash - name), name);

		if (a->depth > 0 && strlen(a->directories[a->depth - 1].name) >= strlen(parent))
			continue;
		if (open_directory(a, parent, &plain) < 0)
			return -1;
	}
	return 0;
}

static int
copy_body(struct archive *a, uint64_t left)
{
	while (left > 0) {
		uint8_t *to;
		size_t room;
		int e = filecopy_output_reserve(
			&a->out, left < SIZE_MAX ? (size_t)left : SIZE_MAX, &to, &room);

		if (e < 0)
			return err_set_errno(a->err, -e, "cannot send");
		if (read_bytes(a, to, room) < 0)
			return -1;
		filecopy_output_commit(&a->out, room);
		left -= room;
	}
	return 0;
}

static struct filecopy_header
header_of(const struct tar_member *m)
{
	static const uint32_t types[] = {
		[TAR_FILE] = S_IFREG, [TAR_DIRECTORY] = S_IFDIR, [TAR_LINK] = S_IFLNK};
	struct filecopy_header header = {
		.mode = types[m->kind] | m->mode,
		.size = m->kind == TAR_LINK ? strlen(m->target) : m->size,
		.atime = (uint32_t)m->atime.tv_sec,
		.atime_nsec = (uint32_t)m->atime.tv_nsec,
		.mtime = (uint32_t)m->mtime.tv_sec,
		.mtime_nsec = (uint32_t)m->mtime.tv_nsec,
	};

	return header;
}

static int
send_member(struct archive *a, const struct tar_member *m)
{
	struct filecopy_header header = header_of(m);

	if (reach(a, m->name) < 0)
		return -1;
	if (m->kind == TAR_DIRECTORY) {
		struct open_directory *last = a->depth > 0 ? &a->directories[a->depth - 1] : NULL;

		if (last == NULL || !text_equal(last->name, m->name))
			return open_directory(a, m->name, &header);
		last->header = header;
		return 0;
	}
	if (put_entry(a, m->name, &header) < 0)
		return -1;
	return m->kind == TAR_LINK ? put(a, m->target, strlen(m->target)) : copy_body(a, m->size);
}

/* --- choosing ------------------------------------------------------------------------------- */

static bool
is_wanted(struct archive *a, const struct tar_member *m)
{
	bool any = false;

	for (size_t i = 0; i < a->wanted_count; i++) {
		struct wanted *w = &a->wanted[i];

		if (w->path[0] == '\0' || is_within(m->name, w->path)) {
			w->seen = any = true;
			w->done = m->kind != TAR_DIRECTORY && text_equal(m->name, w->path);
		} else if (w->seen) {
			w->done = true; /* the tree is over */
		}
	}
	return any;
}

static bool
all_done(const struct archive *a)
{
	for (size_t i = 0; i < a->wanted_count; i++)
		if (!a->wanted[i].done)
			return false;
	return true;
}

/* Where names begin with "./", as tar makes them of a directory. */
static int
check_name(struct archive *a, struct tar_member *m)
{
	while (text_starts_with(m->name, "./"))
		memmove(m->name, m->name + 2, strlen(m->name + 2) + 1);
	if (m->kind == TAR_DIRECTORY && text_equal(m->name, "."))
		m->name[0] = '\0';
	if (m->name[0] == '\0' && m->kind == TAR_DIRECTORY)
		return 0;
	if (strlen(m->name) >= FILECOPY_NAME_MAX || filecopy_name_check(m->name, strlen(m->name),
							    FILECOPY_ALLOW_UNSAFE_CHARACTERS) != 0)
		return err_set(a->err, EBADMSG, "archive: it has a name that leads elsewhere");
	return 0;
}

static int
send_members(struct archive *a)
{
	static struct tar_member m; /* large */

	while (!all_done(a)) {
		if (read_member(a, &m) < 0)
			return -1;
		if (m.kind == TAR_END)
			break;
		if (check_name(a, &m) < 0)
			return -1;
		if (m.name[0] == '\0')
			continue;
		if (!is_wanted(a, &m)) {
			if (skip_bytes(a, m.size) < 0)
				return -1;
		} else if (send_member(a, &m) < 0) {
			return -1;
		}
		if (skip_bytes(a, tar_padding(m.size)) < 0)
			return -1;
	}
	for (size_t i = 0; i < a->wanted_count; i++)
		if (!a->wanted[i].seen && a->wanted[i].path[0] != '\0')
			return err_set(
				a->err, ENOENT, "archive: it has no '%s'", a->wanted[i].path);
	return 0;
}

static int
send_all(struct archive *a)
{
	static const uint8_t end[FILECOPY_HEADER_BYTES];
	int e;

	if (send_members(a) < 0)
		return -1;
	while (a->depth > 0)
		if (close_directory(a) < 0)
			return -1;
	if (put(a, end, sizeof(end)) < 0)
		return -1;
	e = filecopy_output_flush(&a->out);
	return e < 0 ? err_set_errno(a->err, -e, "cannot send") : 0;
}

static void
archive_finish(struct archive *a)
{
	while (a->depth > 0)
		free(a->directories[--a->depth].name);
	filecopy_output_finish(&a->out);
	free(a->wanted);
}

int
main(int argc, char **argv)
{
	static struct archive a; /* large */
	AUTO_ERR struct err err = ERR_INIT, answer = ERR_INIT;
	AUTO_FD int fd = -1;
	int result;

	log_init("tar2qfile");
	if (argc < 3 || argv[1][0] == '-') {
		fputs("usage: tar2qfile ARCHIVE PATH...\n"
		      "Sends what the archive has at and below the paths (\"\": everything) in the "
		      "form "
		      "of qubes.Filecopy;\nthe answer comes on stdin.\n",
			stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		fatal("archive '%s': %s", argv[1], strerror(errno));
	a = (struct archive){.fd = fd, .err = &err, .wanted_count = (size_t)argc - 2};
	a.wanted = xcalloc(a.wanted_count, sizeof(*a.wanted));
	for (size_t i = 0; i < a.wanted_count; i++)
		a.wanted[i].path = argv[i + 2];
	if (filecopy_output_init(&a.out, STDOUT_FILENO, STDIN_FILENO) < 0)
		fatal("no memory");
	result = send_all(&a);
	if (result == 0)
		result = send_read_answer(STDIN_FILENO, a.out.checksum, &err);
	else if ((err.code == EPIPE || err.code == ECANCELED) &&
		 send_read_answer(STDIN_FILENO, 0, &answer) < 0)
		err_move(&err, &answer); /* the receiver's reason */
	archive_finish(&a);
	if (result < 0)
		fatal("%s", err_message(&err));
	return 0;
}
