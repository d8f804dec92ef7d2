/* The volumes of qubes (volumes.h). */
#include "tools/lib/volumes.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_error.h"

char *
volume_info_value(const char *info, const char *key)
{
	size_t length = strlen(key);

	while (*info != '\0') {
		size_t line = strcspn(info, "\n");

		if (line > length && memcmp(info, key, length) == 0 && info[length] == '=') {
			info += length + 1;
			return text_format("%.*s", (int)(line - length - 1), info);
		}
		info += line + (info[line] == '\n');
	}
	return NULL;
}

uint64_t
volume_info_number(const char *info, const char *key)
{
	AUTO_FREE char *value = volume_info_value(info, key);
	uint64_t number;

	return value != NULL && text_parse_u64(value, UINT64_MAX, &number) == 0 ? number : 0;
}

/* A failure that only says that the thing went away between two calls. */
static bool
is_gone(const struct err *err)
{
	return admin_error_is(err, "QubesVMNotFoundError") ||
	       admin_error_is(err, "PermissionDenied") ||
	       admin_error_is(err, "QubesVolumeNotFoundError");
}

/* The names of the volumes of each chosen qube: one volume each, without what is to be asked. */
static int
load_names(struct volume_list *list, const struct qube_list *qubes, struct err *err)
{
	struct admin_call *calls = xcalloc(qubes->count + 1, sizeof(*calls));
	const struct qube **owners =
		xcalloc(qubes->count + 1, sizeof(const struct qube *)); /* NOLINT */
	size_t count = 0, lines = 0;
	int status = 0;

	for (size_t i = 0; i < qubes->count; i++) {
		if (!qubes->items[i].chosen)
			continue;
		calls[count].method = "admin.vm.volume.List";
		calls[count].destination = qubes->items[i].name;
		owners[count++] = &qubes->items[i];
	}
	admin_calls_run(calls, count, -1);
	for (size_t i = 0; i < count; i++)
		for (const char *c = calls[i].content; c != NULL && *c != '\0'; c++)
			lines += *c == '\n';
	list->items = xcalloc(lines + count + 1, sizeof(*list->items));
	for (size_t i = 0; i < count && status == 0; i++) {
		char *position = calls[i].content, *name;

		if (position == NULL && !is_gone(&calls[i].err))
			status = err_move(err, &calls[i].err);
		while (position != NULL && (name = strsep(&position, "\n")) != NULL)
			if (*name != '\0')
				list->items[list->count++] = (struct volume){
					.qube = owners[i],
					.name = text_copy(name),
				};
	}
	free(owners);
	admin_calls_free(calls, count);
	return status;
}

/* Asks one thing of every volume. The results stay with their calls. */
static struct admin_call *
ask_each(const struct volume_list *list, const char *method)
{
	struct admin_call *calls = xcalloc(list->count + 1, sizeof(*calls));

	for (size_t i = 0; i < list->count; i++) {
		calls[i].method = method;
		calls[i].argument = list->items[i].name;
		calls[i].destination = list->items[i].qube->name;
	}
	admin_calls_run(calls, list->count, -1);
	return calls;
}

static void
volume_finish(struct volume *volume)
{
	free(volume->name);
	free(volume->info);
	free(volume->revisions);
}

/* Drops what went away meanwhile. */
static void
drop_without_info(struct volume_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].info != NULL)
			list->items[kept++] = list->items[i];
		else
			volume_finish(&list->items[i]);
	}
	list->count = kept;
}

int
volumes_load(struct volume_list *ret_list, const struct qube_list *qubes, bool with_revisions,
	struct err *err)
{
	AUTO_VOLUMES struct volume_list list = {0};
	struct admin_call *infos, *revisions;
	size_t count;
	int status = 0;

	if (load_names(&list, qubes, err) < 0)
		return -1;
	count = list.count;
	infos = ask_each(&list, "admin.vm.volume.Info");
	revisions = with_revisions ? ask_each(&list, "admin.vm.volume.ListSnapshots") : NULL;
	for (size_t i = 0; i < count && status == 0; i++) {
		if (infos[i].content == NULL && !is_gone(&infos[i].err))
			status = err_move(err, &infos[i].err);
		list.items[i].info = steal_ptr(infos[i].content);
		if (revisions != NULL)
			list.items[i].revisions = steal_ptr(revisions[i].content);
	}
	admin_calls_free(infos, count);
	if (revisions != NULL)
		admin_calls_free(revisions, count);
	if (status < 0)
		return -1;
	drop_without_info(&list);
	*ret_list = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

void
volumes_finish(struct volume_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		volume_finish(&list->items[i]);
	free(list->items);
	*list = (struct volume_list){0};
}
