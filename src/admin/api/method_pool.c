/*
 * admin.pool.* (spec admin-api.md 11.7): the two pools there are. They are part of the
 * installation: none can be added, removed or configured, and the answers say so.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "admin/api/method.h"
#include "admin/storage/kernel.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/path.h"

struct pool_row {
	const char *name, *driver, *directory;
	bool has_size;
};

static const struct pool_row pools[] = {
	{STORAGE_POOL_KERNEL, "linux-kernel", KERNEL_DIRECTORY, false},
	{STORAGE_POOL_DEFAULT, "qcow2", "/var/lib/qubes", true},
};

#define POOL_COUNT (sizeof(pools) / sizeof(pools[0]))

/* The pool that the argument names; NULL: the request has been refused. */
static const struct pool_row *
require_pool(struct request *r)
{
	for (size_t i = 0; i < POOL_COUNT; i++) {
		if (text_equal(pools[i].name, r->argument))
			return &pools[i];
	}
	request_refuse(r, "PermissionDenied", "Argument not in 'pools'");
	return NULL;
}

void
handle_pool_list(struct request *r)
{
	for (size_t i = 0; i < POOL_COUNT; i++)
		request_print(r, "%s\n", pools[i].name);
	request_reply(r);
}

void
handle_pool_list_drivers(struct request *r)
{
	request_put(r, "linux-kernel dir_path\nqcow2 dir_path\n");
	request_reply(r);
}

/* Size and usage of the file system that the pool is on, where that says something. */
static void
print_usage(struct request *r, const struct pool_row *pool, const char *prefix)
{
	AUTO_FREE char *directory = root_path("%s", pool->directory);
	struct statvfs st;
	uint64_t block;

	if (!pool->has_size || statvfs(directory, &st) < 0)
		return;
	block = st.f_frsize;
	request_print(r, "%ssize=%" PRIu64 "\n%susage=%" PRIu64 "\n", prefix, st.f_blocks * block,
		prefix, (st.f_blocks - st.f_bfree) * block);
}

void
handle_pool_info(struct request *r)
{
	const struct pool_row *pool = require_pool(r);

	if (pool == NULL)
		return;
	AUTO_FREE char *directory = root_path("%s", pool->directory);
	request_print(r, "dir_path=%s\ndriver=%s\nname=%s\n", directory, pool->driver, pool->name);
	print_usage(r, pool, "");
	request_reply(r);
}

void
handle_pool_usage_details(struct request *r)
{
	const struct pool_row *pool = require_pool(r);

	if (pool == NULL)
		return;
	print_usage(r, pool, "data_");
	request_reply(r);
}

/* Lines KEY=VALUE, each key once, `name` among them. 0 or -1 with the error. */
static int
check_options(char *untrusted_text, struct err *err)
{
	bool has_name = false;
	char *rest = untrusted_text, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, '=');

		if (line[0] == '\0')
			continue;
		if (value == NULL)
			return err_set_kind(err, "ProtocolError", EINVAL,
				"Options must be separated by equal sign");
		*value++ = '\0';
		if (text_equal(line, "name") && has_name)
			return err_set_kind(err, "ProtocolError", EINVAL, "Options must be unique");
		if (text_equal(line, "name") && !text_only_has(value, "-_."))
			return err_set_kind(err, "ProtocolError", EINVAL,
				"Pool name must be in safe set: letters, digits, '-', '_', '.'");
		if (text_equal(line, "name"))
			has_name = true;
		else if (!text_equal(line, "dir_path"))
			return err_set_kind(
				err, "ProtocolError", EINVAL, "Unexpected driver options found");
	}
	return has_name ? 0
			: err_set_kind(err, "ProtocolError", EINVAL,
				  "Pool configuration must contain key: name");
}

void
handle_pool_add(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *copy = NULL;
	const char *text;

	if (request_text_payload(r, &text) < 0)
		return;
	copy = text_copy(text);
	if (!text_equal(r->argument, "qcow2") && !text_equal(r->argument, "linux-kernel"))
		err_set_kind(
			&err, "PermissionDenied", EINVAL, "Argument not in 'available drivers'");
	else if (check_options(copy, &err) == 0)
		err_set_kind(&err, "QubesNotImplementedError", ENOTSUP,
			"pools can not be added: there are '%s' and '%s'", STORAGE_POOL_DEFAULT,
			STORAGE_POOL_KERNEL);
	request_fail(r, &err);
}

void
handle_pool_remove(struct request *r)
{
	if (require_pool(r) != NULL)
		request_refuse(
			r, "QubesPoolInUseError", "Storage pool is in use: '%s'", r->argument);
}

/* A value is checked before what it is for is refused; what is so already is a success. */
void
handle_pool_set_revisions_to_keep(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	int64_t number;

	if (require_pool(r) == NULL)
		return;
	if (parse_payload_number(r, "Revisions to keep", true, &number, &err) == 0) {
		if (number < -1)
			err_set_kind(&err, "ProtocolError", ERANGE, "Value can't be lower than -1");
		else
			err_set_kind(&err, "QubesNotImplementedError", ENOTSUP,
				"pool '%s' has no default of its own: set revisions_to_keep of "
				"volumes",
				r->argument);
	}
	request_fail(r, &err);
}

void
handle_pool_set_ephemeral_volatile(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	bool flag;

	if (require_pool(r) == NULL)
		return;
	if (parse_payload_bool(r, &flag, &err) == 0) {
		if (!flag) {
			request_reply(r);
			return;
		}
		err_set_kind(&err, "QubesNotImplementedError", ENOTSUP,
			"pool '%s' has no default of its own: set ephemeral of volumes",
			r->argument);
	}
	request_fail(r, &err);
}

void
handle_pool_volume_list(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	const struct pool_row *pool = require_pool(r);
	char **vids;

	if (pool == NULL)
		return;
	if (storage_list_vids(r->api->config.storage, pool->name, &vids, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	for (size_t i = 0; vids[i] != NULL; i++)
		request_print(r, "%s\n", vids[i]);
	storage_free_vids(vids);
	request_reply(r);
}
