/*
 * open-file-server: the service qubes.OpenInVM. Puts the file that arrives into a directory of its
 * own, has it opened, and answers with it if it was changed. Runs as the user, usually in a
 * disposable; the file is another qube's, and so is its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "filecopy/wire.h"
#include "services/open_file.h"

#define SIGNAL_STATUS 128 /* and the signal: what ended a viewer that did not end by itself */

/* What tells whether the file was edited, also within one tick of the clock. */
struct content {
	off_t size;
	struct timespec mtime;
	uint32_t checksum;
};

static char *directory; /* removed at the end */

static void
remove_directory(void)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (directory != NULL && remove_tree(directory, &err) < 0)
		log_warning("%s", err_message(&err));
}

static void
make_directory(void)
{
	const char *source = getenv("QREXEC_REMOTE_DOMAIN");

	if (source == NULL || !text_only_has(source, "-_.") || source[0] == '\0')
		fatal("QREXEC_REMOTE_DOMAIN does not name the sender");
	directory = text_format("/tmp/%s-XXXXXX", source);
	if (mkdtemp(directory) == NULL) {
		free(steal_ptr(directory));
		fatal("cannot make a directory: %s", strerror(errno));
	}
	atexit(remove_directory);
}

static void
receive_file(const char *path, bool view_only)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	long long count = fd < 0 ? -errno : open_file_copy(STDIN_FILENO, fd);

	if (count < 0)
		fatal("cannot store the file: %s", strerror((int)-count));
	if (view_only && fchmod(fd, 0400) < 0)
		fatal("cannot protect the file: %s", strerror(errno));
}

/* The person may have replaced it by another, as editors do; it must be a file still. */
static int
open_content(const char *path, struct content *ret_content)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *bytes = malloc(65536);
	struct content content = {0};
	struct stat st;
	ssize_t count;

	if (fd < 0 || bytes == NULL || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	while ((count = read(fd, bytes, 65536)) > 0)
		content.checksum = filecopy_checksum(content.checksum, bytes, (size_t)count);
	if (count < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	content.size = st.st_size;
	content.mtime = st.st_mtim;
	*ret_content = content;
	return steal_fd(&fd);
}

static bool
same_content(const struct content *a, const struct content *b)
{
	return a->size == b->size && a->checksum == b->checksum &&
	       a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* stdout is the answer's alone. */
static int
run_viewer(const char *path)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *argv[] = {open_file_viewer(), path, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	int status;

	config.argv = argv;
	status = child_run(&config, 0, NULL, &err);
	if (status < 0)
		log_error("viewer: %s", err_message(&err));
	return status;
}

static void
send_back(int fd)
{
	long long count = open_file_copy(fd, STDOUT_FILENO);

	if (count < 0)
		fatal("cannot send the file back: %s", strerror((int)-count));
}

int
main(void)
{
	char untrusted_bytes[OPEN_FILE_NAME_BYTES];
	struct open_file_name name;
	struct content before, after;
	AUTO_FREE char *path = NULL;
	int status, fd;

	log_init("qubes.OpenInVM");
	signal(SIGPIPE, SIG_IGN);
	/* So that a program that it opens in another disposable can ask first. */
	setenv("BULKHEAD_OPENED_FOR", "another qube", 1);
	if (read_exactly(STDIN_FILENO, untrusted_bytes, sizeof(untrusted_bytes)) < 0 ||
		open_file_decode_name(untrusted_bytes, &name) < 0)
		fatal("the name of the file is not one");
	make_directory();
	path = path_join(directory, name.name);
	receive_file(path, name.view_only);
	fd = open_content(path, &before);
	if (fd < 0)
		fatal("cannot read the file: %s", strerror(errno));
	close(fd);
	status = run_viewer(path);
	/* One that ends by itself may do so with any status, and have stored the file before. */
	if (status < 0 || status >= SIGNAL_STATUS || name.view_only)
		return status < 0 ? 1 : status;
	fd = open_content(path, &after);
	if (fd < 0)
		fatal("the file is gone, or is none any more");
	if (!same_content(&before, &after)) {
		send_back(fd);
		status = 0;
	}
	close(fd);
	return status;
}
