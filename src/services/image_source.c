/* Where an image comes from (image_source.h). */
#include "services/image_source.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#define ICON_PREFIX "xdgicon:"
#define ICON_NAME_OTHERS "+._-"
/* As large as menus show them, on a screen of twice the usual density. */
#define ICON_SIDE 64
#define ICON_SIDE_UNKNOWN 32
#define ICON_SIDE_MAX 1024
/* Outside of directories of programs' icons there are pictures of other things of that name. */
#define NOT_OF_A_PROGRAM 2000
#define WALK_DESCRIPTORS 16

static const struct {
	const char *word, *name;
	const char *magic;
	size_t magic_size, magic_at;
} formats[] = {
	{"png", "png", "\x89PNG\r\n\x1a\n", 8, 0},
	{"jpg", "jpeg", "\xff\xd8\xff", 3, 0},
	{"jpeg", "jpeg", NULL, 0, 0},
	{"bmp", "bmp", "BM", 2, 0},
	{"gif", "gif", "GIF8", 4, 0},
	{"webp", "webp", "WEBP", 4, 8},
	{"svg", "svg", "<svg", 4, 0},
	{"xpm", "xpm", "/* XPM */", 9, 0},
};

#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

const char *
image_format_of(const char *word)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (text_equal(formats[i].word, word))
			return formats[i].name;
	return NULL;
}

const char *
image_format_detect(const void *untrusted_bytes, size_t size)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (formats[i].magic != NULL &&
			size >= formats[i].magic_at + formats[i].magic_size &&
			memcmp((const char *)untrusted_bytes + formats[i].magic_at,
				formats[i].magic, formats[i].magic_size) == 0)
			return formats[i].name;
	/* With a heading, or a remark before. */
	return size >= 2 && memmem(untrusted_bytes, size, "<svg", 4) != NULL ? "svg" : NULL;
}

static int
parse_following(char *line, struct image_source *source, struct err *err)
{
	char *colon = strchr(line, ':');

	source->kind = IMAGE_FOLLOWS;
	if (text_equal(line, "-"))
		return 0;
	if (colon == NULL || !text_equal(colon, ":-"))
		return err_set(err, EINVAL, "image: neither a file, an icon nor what follows");
	*colon = '\0';
	source->format = image_format_of(line);
	return source->format != NULL ? 0 : err_set(err, EINVAL, "image: no such format");
}

int
image_source_parse(char *untrusted_line, struct image_source *ret_source, struct err *err)
{
	struct image_source source = {.name = untrusted_line};

	if (untrusted_line[0] == '/') {
		source.kind = IMAGE_FILE;
	} else if (text_starts_with(untrusted_line, ICON_PREFIX)) {
		source.kind = IMAGE_ICON;
		source.name = untrusted_line + strlen(ICON_PREFIX);
		if (source.name[0] == '.' || source.name[0] == '-' || source.name[0] == '\0' ||
			!text_only_has(source.name, ICON_NAME_OTHERS))
			return err_set(err, EINVAL, "image: not the name of an icon");
	} else if (parse_following(untrusted_line, &source, err) < 0) {
		return -1;
	}
	*ret_source = source;
	return 0;
}

/* A number after one of these signs, and before an "x" or, after a slash, another. 0: none. */
static int
side_after(const char *path, char sign)
{
	for (const char *at = strchr(path, sign); at != NULL; at = strchr(at + 1, sign)) {
		char *end;
		long side = strtol(at + 1, &end, 10);

		if (side > 0 && side <= ICON_SIDE_MAX && (*end == 'x' || *end == '/'))
			return (int)side;
	}
	return 0;
}

/* The N of a directory NxN or N, or of a name x_NxN; else what is usual. */
static int
side_of(const char *path)
{
	int side = strstr(path, "/scalable/") != NULL ? ICON_SIDE : side_after(path, '/');

	if (side == 0)
		side = side_after(path, '_');
	return side > 0 ? side : ICON_SIDE_UNKNOWN;
}

int
image_icon_distance(const char *path)
{
	const int side = side_of(path);
	const bool of_a_program =
		strstr(path, "/apps/") != NULL || strstr(path, "/pixmaps/") != NULL;
	/* What is too small looks worse than what is too large. */
	const int distance = side < ICON_SIDE ? 16 * (ICON_SIDE - side) : side - ICON_SIDE;

	return distance + (of_a_program ? 0 : NOT_OF_A_PROGRAM);
}

/* The size that Debian puts into names of pictures outside of themes: "_48x48". */
static size_t
size_suffix(const char *text)
{
	static const char digits[] = "0123456789";
	const char *width = text + 1, *height;
	size_t length;

	if (text[0] != '_')
		return 0;
	length = strspn(width, digits);
	if (length == 0 || width[length] != 'x')
		return 0;
	height = width + length + 1;
	return strspn(height, digits) == length && strncmp(width, height, length) == 0
		       ? 2 * (1 + length)
		       : 0;
}

/* nftw() hands nothing on; the program has one thread and one search. */
static struct {
	const char *name;
	char *best;
	int distance;
} search;

static int
visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	static const char *const suffixes[] = {".png", ".svg", ".xpm"};
	const char *name = path + where->base;
	const char *suffix;
	int distance;

	(void)st;
	if (type != FTW_F || !text_starts_with(name, search.name))
		return 0;
	suffix = name + strlen(search.name);
	suffix += size_suffix(suffix);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (!text_equal(suffix, suffixes[i]))
			continue;
		distance = image_icon_distance(path);
		if (search.best != NULL && search.distance <= distance)
			continue;
		free(search.best);
		search.best = text_copy(path);
		search.distance = distance;
	}
	return 0;
}

static void
search_in(const char *directory, const char *below)
{
	AUTO_FREE char *path = path_join(directory, below);

	nftw(path, visit, WALK_DESCRIPTORS, 0);
}

char *
image_find_icon(const char *name)
{
	const char *own = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	const char *others = getenv("XDG_DATA_DIRS");
	AUTO_FREE char *default_own = text_format("%s/.local/share", home != NULL ? home : "");
	AUTO_FREE char *list = text_copy(
		others != NULL && others[0] != '\0' ? others : "/usr/local/share:/usr/share");
	char *best;

	search.name = name;
	search_in(own != NULL && own[0] == '/' ? own : default_own, "icons");
	for (char *directory = list, *next; directory != NULL; directory = next) {
		next = strchr(directory, ':');
		if (next != NULL)
			*next++ = '\0';
		search_in(directory, "icons");
		search_in(directory, "pixmaps");
	}
	best = steal_ptr(search.best);
	search.best = NULL;
	return best;
}
