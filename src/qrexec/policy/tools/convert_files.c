/* The files of a conversion (convert_files.h). */
#include "qrexec/policy/tools/convert_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

/* Members of the group that a directory of policy belongs to may change it. */
#define NEW_MODE 0664

/* One that is there stays whose it was. */
static int
replace_file(const char *path, const char *text, struct err *err)
{
	struct stat st;
	const bool is_there = stat(path, &st) == 0;

	if (write_file(path, text, strlen(text), is_there ? st.st_mode & 0777 : NEW_MODE, err) < 0)
		return -1;
	if (is_there && chown(path, st.st_uid, st.st_gid) < 0)
		return err_set_errno(err, errno, "'%s': cannot give it back its owner", path);
	return 0;
}

static int
write_new(const char *directory, const struct convert_file *file, struct err *err)
{
	AUTO_FREE char *path = path_join(directory, file->name);
	AUTO_FREE char *kept = text_format("%s" CONVERT_KEPT_SUFFIX, path);

	if (file->before != NULL && replace_file(kept, file->before, err) < 0)
		return -1;
	return replace_file(path, file->after, err);
}

static int
write_back(const char *directory, const struct convert_file *file, struct err *err)
{
	AUTO_FREE char *path = path_join(directory, file->name);
	AUTO_FREE char *kept = text_format("%s" CONVERT_KEPT_SUFFIX, path);

	if (file->before != NULL) {
		if (replace_file(path, file->before, err) < 0)
			return -1;
		unlink(kept);
		return 0;
	}
	return unlink(path) == 0 || errno == ENOENT ? 0 : err_set_errno(err, errno, "'%s'", path);
}

/* As the engine reads them: a service, with or without an argument. */
static bool
is_legacy_name(const char *name)
{
	return name[0] != '.' && text_only_has(name, "+-._") && !text_ends_with(name, ".rpmnew") &&
	       !text_ends_with(name, CONVERT_LEGACY_SUFFIX) && !text_ends_with(name, ".swp");
}

/* What is kept under the new name already must not be lost. */
static int
rename_file(const char *directory, const char *from_name, const char *to_name, struct err *err)
{
	AUTO_FREE char *from = path_join(directory, from_name);
	AUTO_FREE char *to = path_join(directory, to_name);

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
		return err_set_errno(err, errno, "'%s': cannot become '%s'", from, to);
	return 0;
}

static int
rename_legacy(const char *directory, struct policy_names *renamed, struct err *err)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort), result = 0;

	if (count < 0)
		return err_set_errno(err, errno, "'%s'", directory);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		AUTO_FREE char *path = path_join(directory, name);
		AUTO_FREE char *to = text_format("%s" CONVERT_LEGACY_SUFFIX, name);
		struct stat st;

		if (result == 0 && is_legacy_name(name) && stat(path, &st) == 0 &&
			S_ISREG(st.st_mode)) {
			result = rename_file(directory, name, to, err);
			if (result == 0)
				policy_names_add(renamed, name);
		}
		free(entries[i]);
	}
	free(entries);
	return result;
}

int
convert_apply(const struct policy_directories *directories, const struct conversion *c,
	struct convert_done *done, struct err *err)
{
	for (; done->written < c->count; done->written++)
		if (write_new(directories->path[POLICY_SYSTEM], &c->files[done->written], err) <
			0) {
			done->written++; /* perhaps it was */
			return -1;
		}
	return rename_legacy(directories->path[POLICY_LEGACY], &done->renamed, err);
}

int
convert_undo(const struct policy_directories *directories, const struct conversion *c,
	struct convert_done *done, struct err *err)
{
	int result = 0;

	/* The other way round: first what refused before refuses again. */
	for (size_t i = 0; i < done->renamed.count; i++) {
		const char *name = done->renamed.names[i];
		AUTO_FREE char *from = text_format("%s" CONVERT_LEGACY_SUFFIX, name);

		if (rename_file(directories->path[POLICY_LEGACY], from, name,
			    result == 0 ? err : NULL) < 0)
			result = -1;
	}
	for (size_t i = 0; i < done->written; i++)
		if (write_back(directories->path[POLICY_SYSTEM], &c->files[i],
			    result == 0 ? err : NULL) < 0)
			result = -1;
	policy_names_finish(&done->renamed);
	*done = (struct convert_done){0};
	return result;
}
