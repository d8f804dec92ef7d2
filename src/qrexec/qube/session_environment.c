/* Environments of sessions; see session_environment.h. Handles what PAM and the user data base
 * say. */
#include "qrexec/qube/session_environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

#define ENVIRONMENT_BYTES_MAX 65536 /* what an empty pipe takes at once */
#define ROOT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define USER_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

static void
add(struct buf *block, const char *name, const char *value)
{
	AUTO_FREE char *text = text_format("%s=%s", name, value);

	buf_put_text(block, text);
}

static bool
has(const char *const *list, const char *prefix)
{
	for (; *list != NULL; list++)
		if (text_starts_with(*list, prefix))
			return true;
	return false;
}

/* An array of pointers and the texts behind it, in one allocation. */
static char **
make_array(const struct buf *block)
{
	const char *bytes = (const char *)buf_data(block);
	size_t size = buf_len(block);
	size_t count = 0;
	char **array;
	char *texts;

	for (size_t i = 0; i < size; i++)
		count += bytes[i] == '\0';
	array = xcalloc(1, (count + 1) * sizeof(*array) + size + 1);
	texts = (char *)(array + count + 1);
	memcpy(texts, bytes, size);
	for (size_t i = 0; i < count; i++) {
		array[i] = texts;
		texts += strlen(texts) + 1;
	}
	return array;
}

char **
session_environment_create(const struct passwd *user, const char *const *given)
{
	AUTO_BUF struct buf block;

	buf_init(&block, ENVIRONMENT_BYTES_MAX);
	add(&block, "HOME", user->pw_dir);
	add(&block, "SHELL", user->pw_shell[0] != '\0' ? user->pw_shell : "/bin/sh");
	add(&block, "USER", user->pw_name);
	add(&block, "LOGNAME", user->pw_name);
	if (!has(given, "PATH="))
		add(&block, "PATH", user->pw_uid == 0 ? ROOT_PATH : USER_PATH);
	for (; *given != NULL; given++)
		if (!text_starts_with(*given, "HOME=") && !text_starts_with(*given, "SHELL=") &&
			!text_starts_with(*given, "USER=") && !text_starts_with(*given, "LOGNAME="))
			buf_put_text(&block, *given);
	return make_array(&block);
}

int
session_environment_write(int fd, char *const *environment)
{
	AUTO_BUF struct buf block;

	buf_init(&block, ENVIRONMENT_BYTES_MAX);
	for (; *environment != NULL; environment++)
		if (buf_put_text(&block, *environment) < 0)
			return -E2BIG;
	return write_all(fd, buf_data(&block), buf_len(&block));
}

char **
session_environment_read(int fd)
{
	AUTO_BUF struct buf block;
	ssize_t n;

	buf_init(&block, ENVIRONMENT_BYTES_MAX + 1);
	while ((n = buf_read_fd(&block, fd, ENVIRONMENT_BYTES_MAX + 1)) > 0)
		;
	if (n < 0) {
		errno = (int)-n;
		return NULL;
	}
	return make_array(&block);
}
