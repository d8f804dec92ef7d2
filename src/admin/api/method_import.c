/*
 * internal.vm.volume.ImportBegin and ImportEnd (spec admin-api.md 9.1, 11.12): a program of dom0
 * fills a file that we name, then we make it the volume's content. Live data is not touched
 * before ImportEnd says ok.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/api/method.h"
#include "admin/api/volume_call.h"
#include "admin/model/app.h"
#include "admin/model/events.h"
#include "admin/storage/storage.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"

/* Where the files are while they are being written; emptied at each start. */
#define IMPORT_DIRECTORY "/var/lib/qubes/import"

struct import {
	struct list link; /* imports.pending */
	char uuid[UUID_LENGTH + 1];
	enum volume_role role;
	char *path;
	uint64_t size_bytes;
};

struct imports {
	struct list pending; /* import.link */
};

static void
drop_import(struct import *i)
{
	list_remove(&i->link);
	(void)unlink(i->path);
	free(i->path);
	free(i);
}

int
imports_clean(struct err *err)
{
	AUTO_FREE char *directory = root_path(IMPORT_DIRECTORY);

	return remove_tree(directory, err);
}

void
imports_destroy(struct imports *imports)
{
	struct import *i, *next;

	if (imports == NULL)
		return;
	list_for_each_safe (i, next, &imports->pending, link) {
		drop_import(i);
	}
	free(imports);
}

static struct import *
find_import(struct api *api, const struct qube *q, enum volume_role role)
{
	struct import *i;

	if (api->imports == NULL)
		return NULL;
	list_for_each (i, &api->imports->pending, link) {
		if (i->role == role && text_equal(i->uuid, q->uuid))
			return i;
	}
	return NULL;
}

/* The sparse file that the program will fill. */
static int
make_file(struct import *i, const struct qube *q, struct err *err)
{
	AUTO_FREE char *directory = root_path(IMPORT_DIRECTORY);
	AUTO_FD int fd = -1;

	if (make_directories(directory, 0700, err) < 0)
		return -1;
	i->path = text_format("%s/%s-%s-XXXXXX", directory, q->name, volume_role_name(i->role));
	fd = mkostemp(i->path, O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)i->size_bytes) < 0)
		return err_set_errno(err, errno, "file '%s'", i->path);
	return 0;
}

/* The size that the payload asks for, or else the volume's; refuses what can not be written. */
static int
choose_size(struct request *r, const struct volume_place *place, int64_t *ret_size, struct err *err)
{
	struct volume_info info;
	bool is_running, is_kept;

	if (storage_volume_info(r->api->config.storage, place->pool, place->vid, &info, err) < 0)
		return -1;
	*ret_size = (int64_t)info.size_bytes;
	is_running = info.is_running;
	is_kept = info.save_on_stop;
	volume_info_finish(&info);
	if (is_running || !is_kept)
		return err_set_kind(err, "StoragePoolException", EBUSY,
			"volume '%s:%s' can not be imported to: %s", r->destination->name,
			r->argument, is_running ? "it is in use" : "its content is not kept");
	if (r->payload_size > 0 &&
		parse_payload_number(r, "Size of new data", false, ret_size, err) < 0)
		return -1;
	if (*ret_size <= 0 || (uint64_t)*ret_size > VOLUME_SIZE_MAX)
		return err_set_kind(
			err, "ProtocolError", ERANGE, "Size of new data is out of range");
	return 0;
}

static struct import *
begin_import(struct request *r, enum volume_role role, int64_t size_bytes, struct err *err)
{
	struct import *i = find_import(r->api, r->destination, role);

	/* The one before was given up by its program. */
	if (i != NULL)
		drop_import(i);
	if (r->api->imports == NULL) {
		r->api->imports = xcalloc(1, sizeof(*r->api->imports));
		list_init(&r->api->imports->pending);
	}
	i = xcalloc(1, sizeof(*i));
	i->role = role;
	i->size_bytes = (uint64_t)size_bytes;
	memcpy(i->uuid, r->destination->uuid, sizeof(i->uuid));
	list_append(&r->api->imports->pending, &i->link);
	if (make_file(i, r->destination, err) == 0)
		return i;
	drop_import(i);
	return NULL;
}

void
handle_import_begin(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	AUTO_FREE char *size = NULL;
	const struct import *i;
	enum volume_role role;
	int64_t size_bytes;

	if (!require_image(r, &role, &place))
		return;
	if (choose_size(r, &place, &size_bytes, &err) < 0 ||
		(i = begin_import(r, role, size_bytes, &err)) == NULL) {
		request_fail(r, &err);
		return;
	}
	size = text_format("%" PRId64, size_bytes);
	events_emit(r->api->config.app, r->destination, "domain-volume-import-begin", "volume",
		r->argument, "size", size, NULL);
	request_print(r, "%s %s", size, i->path);
	request_reply(r);
}

static void
tell_end(struct request *r, bool success)
{
	events_emit(r->api->config.app, r->destination, "domain-volume-import-end", "volume",
		r->argument, "success", success ? "True" : "False", NULL);
}

static void
finish_import(struct request *r)
{
	enum volume_role role;
	struct import *i = NULL;

	if (volume_role_parse(r->argument, &role) == 0)
		i = find_import(r->api, r->destination, role);
	if (i != NULL)
		drop_import(i);
}

static void
handle_imported(void *data, const struct err *err)
{
	struct request *r = data;

	finish_import(r);
	tell_end(r, err == NULL);
	request_handle_done(r, err);
}

static int
check_file(const struct import *i, struct err *err)
{
	struct stat st;

	if (lstat(i->path, &st) < 0)
		return err_set_errno(err, errno, "file '%s'", i->path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != i->size_bytes)
		return err_set_kind(err, "QubesException", EINVAL,
			"Data import failed: the file has %jd bytes, not %" PRIu64,
			(intmax_t)st.st_size, i->size_bytes);
	return 0;
}

void
handle_import_end(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_PLACE struct volume_place place = {0};
	const struct import *i;
	enum volume_role role;
	const char *text;

	if (request_text_payload(r, &text) < 0 || !require_image(r, &role, &place))
		return;
	i = find_import(r->api, r->destination, role);
	if (i == NULL) {
		request_refuse(r, "QubesException", "Data import failed: none is under way");
		return;
	}
	if (text_equal(text, "ok") && check_file(i, &err) == 0) {
		request_pin(r);
		storage_import(r->api->config.storage, place.pool, place.vid, i->path,
			DISK_FORMAT_RAW, handle_imported, r);
		return;
	}
	finish_import(r);
	tell_end(r, false);
	if (text_equal(text, "ok"))
		request_fail(r, &err);
	else if (text_starts_with(text, "fail\n"))
		request_refuse(
			r, "QubesException", "Data import failed: %s", text + strlen("fail\n"));
	else
		request_refuse(r, "ProtocolError", "expected 'ok' or 'fail'");
}
