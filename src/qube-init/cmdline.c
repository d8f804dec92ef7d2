#include "qube-init/cmdline.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int
cmdline_find(const char *text, const char *key, char *ret_value, size_t size)
{
	size_t key_length = strlen(key);
	const char *value = NULL;
	size_t length = 0;

	for (const char *word = text; *word != '\0';) {
		size_t word_length = strcspn(word, " \t\n");

		if (word_length > key_length && word[key_length] == '=' &&
			strncmp(word, key, key_length) == 0) {
			value = word + key_length + 1;
			length = word_length - key_length - 1;
		}
		word += word_length;
		word += strspn(word, " \t\n");
	}
	if (value == NULL)
		return -ENOENT;
	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(ret_value, value, length);
	ret_value[length] = '\0';
	return 0;
}

int
cmdline_get(const char *key, char *ret_value, size_t size)
{
	char text[CMDLINE_MAX + 1];
	ssize_t got;
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	got = read(fd, text, CMDLINE_MAX);
	close(fd);
	if (got < 0)
		return -EIO;
	text[got] = '\0';
	return cmdline_find(text, key, ret_value, size);
}
