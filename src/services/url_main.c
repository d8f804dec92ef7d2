/*
 * open-url: the service qubes.OpenURL. One line on stdin is the address, another qube's choice: it
 * becomes one argument of the opener, after its form was checked.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "services/open_file.h"
#include "services/url.h"

int
main(void)
{
	char untrusted_line[URL_MAX + 2];
	size_t size = 0;
	ssize_t count;

	log_init("qubes.OpenURL");
	while (size < sizeof(untrusted_line) && (count = read(STDIN_FILENO, untrusted_line + size,
							 sizeof(untrusted_line) - size)) > 0)
		size += (size_t)count;
	if (url_check_line(untrusted_line, size) < 0)
		fatal("not one address of the kind http, https or ftp");
	untrusted_line[strcspn(untrusted_line, "\n")] = '\0';
	execl(open_file_viewer(), OPEN_FILE_VIEWER, untrusted_line, (char *)NULL);
	fatal("'%s': cannot execute: %s", open_file_viewer(), strerror(errno));
}
