/* Home directories of the accounts that have one below /home. */
#include <errno.h>
#include <ftw.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "qube-init/setup.h"

#define WALK_DESCRIPTORS 16

/* nftw() has no argument for its callback. */
static struct {
	uid_t old_uid, new_uid;
	gid_t old_gid, new_gid;
} owner_change;

static int
change_owner(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	uid_t uid = status->st_uid == owner_change.old_uid ? owner_change.new_uid : (uid_t)-1;
	gid_t gid = status->st_gid == owner_change.old_gid ? owner_change.new_gid : (gid_t)-1;

	if (kind != FTW_NS && lchown(path, uid, gid) < 0)
		log_warning("cannot change the owner of '%s'", path);
	return 0;
}

/* Another template may number its accounts otherwise than the one that made this home. */
static int
adopt_home(const struct passwd *account, const struct stat *status, struct err *err)
{
	owner_change.old_uid = status->st_uid;
	owner_change.old_gid = status->st_gid;
	owner_change.new_uid = account->pw_uid;
	owner_change.new_gid = account->pw_gid;
	log_info("home '%s': owner changes from %u to %u", account->pw_dir,
		(unsigned int)status->st_uid, (unsigned int)account->pw_uid);
	if (nftw(account->pw_dir, change_owner, WALK_DESCRIPTORS, FTW_PHYS | FTW_MOUNT) != 0)
		return err_set_errno(
			err, errno, "home '%s': cannot change its owner", account->pw_dir);
	return 0;
}

/* The copy appears whole or not at all. */
static int
make_home(const struct passwd *account, struct err *err)
{
	AUTO_FREE char *new_path = text_format("%s.new", account->pw_dir);
	AUTO_FREE char *owner =
		text_format("%u:%u", (unsigned int)account->pw_uid, (unsigned int)account->pw_gid);
	const char *const copy[] = {"cp", "-a", "/etc/skel", new_path, NULL};
	const char *const own[] = {"chown", "-R", owner, new_path, NULL};

	if (remove_tree(new_path, err) < 0)
		return -1;
	if (access("/etc/skel", F_OK) == 0) {
		if (setup_run(err, copy) < 0)
			return -1;
	} else if (mkdir(new_path, 0700) < 0) {
		return err_set_errno(err, errno, "home '%s': cannot create", account->pw_dir);
	}
	if (setup_run(err, own) < 0)
		return -1;
	if (chmod(new_path, 0700) < 0 || rename(new_path, account->pw_dir) < 0)
		return err_set_errno(err, errno, "home '%s': cannot create", account->pw_dir);
	return 0;
}

static int
setup_home(const struct passwd *account, struct err *err)
{
	struct stat status;

	if (stat(account->pw_dir, &status) < 0)
		return make_home(account, err);
	if (status.st_uid != account->pw_uid || status.st_gid != account->pw_gid)
		return adopt_home(account, &status, err);
	return 0;
}

int
setup_homes(struct err *err)
{
	const struct passwd *account;
	int result = 0;

	setpwent();
	while (result == 0 && (account = getpwent()) != NULL) {
		if (text_starts_with(account->pw_dir, "/home/") && account->pw_dir[6] != '\0')
			result = setup_home(account, err);
	}
	endpwent();
	return result;
}
