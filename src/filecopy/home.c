/* Where a user's files are (home.h). */
#include "filecopy/home.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

const char *
home_directory(void)
{
	const char *home = getenv("HOME");
	const struct passwd *account;

	if (home != NULL && home[0] == '/')
		return home;
	account = getpwuid(geteuid());
	return account != NULL && account->pw_dir[0] == '/' ? account->pw_dir : NULL;
}

char *
home_path(const char *below)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = home_directory();

	if (data != NULL && data[0] == '/')
		return text_format("%s/%s", data, below);
	return home != NULL ? text_format("%s/.local/share/%s", home, below) : NULL;
}
