/* admin.pool.* as far as tools need it (spec admin-api.md 11.7): the two pools there are. */
#include <inttypes.h>
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

void
handle_pool_info(struct request *r)
{
	const struct pool_row *pool = require_pool(r);
	struct statvfs st;

	if (pool == NULL)
		return;
	AUTO_FREE char *directory = root_path("%s", pool->directory);
	request_print(r, "dir_path=%s\ndriver=%s\nname=%s\n", directory, pool->driver, pool->name);
	if (pool->has_size && statvfs(directory, &st) == 0) {
		uint64_t block = st.f_frsize;

		request_print(r, "size=%" PRIu64 "\nusage=%" PRIu64 "\n", st.f_blocks * block,
			(st.f_blocks - st.f_bfree) * block);
	}
	request_reply(r);
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
