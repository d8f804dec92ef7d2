/* Files of /etc that follow the qube's name, in a private root directory. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "qube-init/host_name.h"
#include "qube-init/setup.h"

static char root[64];

static void
put_file(const char *name, const char *text)
{
	AUTO_FREE char *path = root_path("%s", name);
	AUTO_FREE char *directory = text_copy(path);

	*strrchr(directory, '/') = '\0';
	assert_int_equal(make_directories(directory, 0755, NULL), 0);
	assert_int_equal(write_file(path, text, strlen(text), 0644, NULL), 0);
}

static void
expect_file(const char *name, const char *text)
{
	AUTO_FREE char *path = root_path("%s", name);
	AUTO_FREE char *found = NULL;
	size_t size;

	assert_int_equal(read_file(path, 4096, &found, &size, NULL), 0);
	assert_string_equal(found, text);
}

static void
set_name(const char *name)
{
	struct qube_config config = {0};

	snprintf(config.name, sizeof config.name, "%s", name);
	assert_int_equal(setup_host_name(&config, NULL), 0);
}

static void
test_names(void **state)
{
	put_file("/etc/hosts", "127.0.0.1\tlocalhost\n# mine\n10.1.1.1 printer");
	set_name("work");
	expect_file("/etc/hostname", "work\n");
	expect_file("/etc/hosts", "127.0.0.1\tlocalhost\n# mine\n10.1.1.1 printer\n"
				  "127.0.1.1 work # set at boot\n::1 work # set at boot\n");
	/* A clone boots with the files of the qube it was cloned from. */
	set_name("personal");
	expect_file("/etc/hosts", "127.0.0.1\tlocalhost\n# mine\n10.1.1.1 printer\n"
				  "127.0.1.1 personal # set at boot\n::1 personal # set at boot\n");
}

static void
test_protected(void **state)
{
	put_file("/etc/hosts", "kept\n");
	put_file("/etc/hostname", "kept\n");
	put_file("/etc/qubes/protected-files.d/a.conf", "/etc/other\n/etc/hosts\n");
	put_file("/rw/config/protected-files.d/b.conf", "/etc/hostname.d\n");
	put_file("/rw/config/protected-files.d/b.conf~", "/etc/hostname\n");
	set_name("work");
	expect_file("/etc/hosts", "kept\n");
	expect_file("/etc/hostname", "work\n");
	put_file("/rw/config/protected-files.d/b.conf", "/etc/hostname");
	set_name("other");
	expect_file("/etc/hostname", "work\n");
}

/* A clone writes into files that were opened before it was one. */
static void
test_of_clone(void **state)
{
	struct host_name_files files;

	put_file("/etc/qubes/protected-files.d/a.conf", "/etc/other\n");
	put_file("/rw/config/protected-files.d/b.conf", "/etc/other\n");
	put_file("/etc/hosts", "10.1.1.1 printer\n127.0.1.1 disposable # set at boot\n");
	put_file("/etc/hostname", "disposable\n");
	assert_int_equal(host_name_open(&files, NULL), 0);
	expect_file("/etc/hosts", "10.1.1.1 printer\n");
	assert_int_equal(host_name_set(&files, "d", NULL), 0);
	expect_file("/etc/hostname", "d\n");
	expect_file("/etc/hosts", "10.1.1.1 printer\n"
				  "127.0.1.1 d # set at boot\n::1 d # set at boot\n");
	close(files.name_fd);
	close(files.hosts_fd);
	put_file("/etc/qubes/protected-files.d/a.conf", "/etc/hosts\n/etc/hostname\n");
	assert_int_equal(host_name_open(&files, NULL), 0);
	assert_int_equal(files.name_fd, -1);
	assert_int_equal(host_name_set(&files, "other", NULL), 0);
	expect_file("/etc/hostname", "d\n");
}

static void
test_runtime_state(void **state)
{
	struct qube_config config = {.kind = QUBE_KIND_TEMPLATEVM};
	AUTO_FREE char *marker = root_path("/run/qubes/this-is-templatevm");
	AUTO_FREE char *full = root_path("/run/qubes/persistent-full");
	AUTO_FREE char *service = root_path("/run/qubes-service/updates-proxy-setup");

	assert_int_equal(setup_runtime_state(&config, NULL), 0);
	assert_int_equal(access(marker, F_OK), 0);
	assert_int_equal(access(full, F_OK), 0);
	assert_int_equal(access(service, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_protected),
		cmocka_unit_test(test_of_clone),
		cmocka_unit_test(test_runtime_state),
	};
	int result;

	snprintf(root, sizeof root, "/tmp/test-host-name.XXXXXX");
	if (mkdtemp(root) == NULL)
		return 1;
	setenv("BULKHEAD_ROOT", root, 1);
	result = cmocka_run_group_tests(tests, NULL, NULL);
	remove_tree(root, NULL);
	return result;
}
