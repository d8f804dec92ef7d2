/* Installed kernels and their option files; see kernels.h. */
#include "admin/model/kernels.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"

#define OPTIONS_FILE "default-kernelopts-nopci.txt"
#define OPTIONS_MAX_BYTES 4096
#define RECHECK_MS 1000

struct kernel_entry {
	struct list link; /* kernel_cache.entries */
	char *name, *options;
	uint64_t read_at_ms;
};

struct kernel_cache {
	struct list entries; /* kernel_entry.link */
};

struct kernel_cache *
kernel_cache_create(void)
{
	struct kernel_cache *cache = xcalloc(1, sizeof(*cache));

	list_init(&cache->entries);
	return cache;
}

void
kernel_cache_destroy(struct kernel_cache *cache)
{
	struct kernel_entry *e, *next;

	if (cache == NULL)
		return;
	list_for_each_safe (e, next, &cache->entries, link) {
		free(e->name);
		free(e->options);
		free(e);
	}
	free(cache);
}

bool
kernel_is_installed(const char *name)
{
	AUTO_FREE char *path = root_path("%s/%s", KERNELS_DIRECTORY, name);
	struct stat st;

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		return false;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *
read_options(const char *name)
{
	AUTO_FREE char *path = root_path("%s/%s/%s", KERNELS_DIRECTORY, name, OPTIONS_FILE);
	char *text;
	size_t size;

	if (read_file(path, OPTIONS_MAX_BYTES, &text, &size, NULL) < 0)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

const char *
kernel_default_options(struct kernel_cache *cache, const char *name)
{
	uint64_t now_ms = loop_now_ms();
	struct kernel_entry *e;

	list_for_each (e, &cache->entries, link) {
		if (!text_equal(e->name, name))
			continue;
		if (now_ms - e->read_at_ms > RECHECK_MS) {
			free(e->options);
			e->options = read_options(name);
			e->read_at_ms = now_ms;
		}
		return e->options;
	}
	e = xcalloc(1, sizeof(*e));
	*e = (struct kernel_entry){
		.name = text_copy(name), .options = read_options(name), .read_at_ms = now_ms};
	list_append(&cache->entries, &e->link);
	return e->options;
}
