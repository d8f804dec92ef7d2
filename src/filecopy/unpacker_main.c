/*
 * qfile-unpacker: the service qubes.Filecopy. A confined child reads the stranger's stream; this
 * process only opens what that needs, waits, and records the transfer. Runs as the user who owns
 * the files; root may name another.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "filecopy/confine.h"
#include "filecopy/destination.h"
#include "filecopy/home.h"
#include "filecopy/leftovers.h"
#include "filecopy/transfers.h"
#include "filecopy/tree.h"
#include "filecopy/unpacker.h"

/* root becomes the named user; anybody else may only name the own number. */
static void
become(const char *uid_text)
{
	const struct passwd *account;
	uint64_t uid;

	if (text_parse_u64(uid_text, UINT_MAX - 1, &uid) < 0)
		fatal("'%s' is not the number of a user", uid_text);
	if (geteuid() == uid && geteuid() != 0)
		return;
	if (geteuid() != 0)
		fatal("only root may receive for another user");
	account = getpwuid((uid_t)uid);
	if (account == NULL)
		fatal("no user has the number %s", uid_text);
	if (initgroups(account->pw_name, account->pw_gid) < 0 ||
		setresgid(account->pw_gid, account->pw_gid, account->pw_gid) < 0 ||
		setresuid(account->pw_uid, account->pw_uid, account->pw_uid) < 0 ||
		setenv("HOME", account->pw_dir, 1) < 0)
		fatal("cannot become user %s: %s", uid_text, strerror(errno));
}

/* Whatever else was inherited is not for whom a stranger's bytes might take over. */
static void
close_others(int destination_fd, int record_fd)
{
	const int low = destination_fd < record_fd ? destination_fd : record_fd;
	const int high = destination_fd < record_fd ? record_fd : destination_fd;
	int from = STDERR_FILENO + 1;

	if (low > from)
		close_range((unsigned int)from, (unsigned int)low - 1, 0);
	from = low >= from ? low + 1 : from;
	if (high > from)
		close_range((unsigned int)from, (unsigned int)high - 1, 0);
	close_range((unsigned int)high + 1, UINT_MAX, 0);
}

/* The child: confined first. Its exit status is the code of the answer, or what fits of it. */
static int
receive(int destination_fd, int record_fd, const struct receive_config *config)
{
	static struct receive_outcome outcome;
	AUTO_ERR struct err err = ERR_INIT;
	uint32_t code;

	tree_raise_limits();
	if (filecopy_confine(destination_fd, &err) < 0) {
		log_error("%s", err_message(&err));
		outcome.result.code = code = EPERM;
	} else {
		code = receive_transfer(STDIN_FILENO, destination_fd, record_fd, config, &outcome);
	}
	/* The sender may be blocked in the middle of a file: let it see the end. */
	close(STDIN_FILENO);
	if (receive_answer(STDOUT_FILENO, &outcome) < 0)
		log_warning("the sender is gone and got no answer");
	if (code != 0)
		log_warning("refused at '%s': %s", outcome.name, filecopy_result_text(code));
	return (int)(code & 0xff);
}

/* What the child wrote: nothing but lines about what arrived. */
static int
check_lines(const struct buf *text, struct err *err)
{
	AUTO_RECORD struct transfer_record record = {0};

	if (transfer_record_parse((const char *)buf_data(text), buf_len(text), &record, err) < 0)
		return -1;
	for (size_t i = 0; i < record.count; i++)
		if (record.objects[i].kind != TRANSFER_ROOT)
			return err_set(err, EBADMSG, "it has a line that it may not have");
	return record.incoming ? 0 : err_set(err, EBADMSG, "it is not of an arrival");
}

static void
store_record(int record_fd, const char *source)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_BUF struct buf text;
	struct transfer_settings settings;
	char id[TRANSFER_ID_LENGTH + 1];
	ssize_t count;

	buf_init(&text, TRANSFER_RECORD_MAX);
	transfer_record_put_head(&text, true, false, source, (int64_t)time(NULL));
	lseek(record_fd, 0, SEEK_SET);
	while ((count = buf_read_fd(&text, record_fd, 65536)) > 0)
		;
	if (count < 0)
		err_set_errno(&err, (int)-count, "cannot read it");
	if (count < 0 || check_lines(&text, &err) < 0 || transfers_add(&text, id, &err) < 0) {
		log_warning("no record of this transfer: %s", err_message(&err));
		return;
	}
	transfer_settings_read(&settings);
	transfers_prune(&settings);
}

/* The call's streams are the child's alone: both ends must see when it closes them. */
static void
let_go_of_streams(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		fatal("cannot open '/dev/null': %s", strerror(errno));
	close(null);
}

static int
wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The receiving itself. The status is the child's; anything but 0 left nothing, or was killed. */
static int
receive_into(struct destination *d, const struct unpacker_options *o, const char *source)
{
	int record_fd = memfd_create("transfer-record", MFD_CLOEXEC);
	pid_t child = fork();
	int status;

	if (child < 0)
		fatal("cannot start: %s", strerror(errno));
	if (child == 0) {
		close_others(d->fd, record_fd);
		_exit(receive(d->fd, record_fd, &o->config));
	}
	let_go_of_streams();
	status = wait_for(child);
	if (status == 0 && record_fd >= 0 && o->directory == NULL)
		store_record(record_fd, source);
	if (record_fd >= 0)
		close(record_fd);
	if (d->parent >= 0)
		leftovers_settle(d->parent);
	if (status != 0)
		destination_withdraw(d);
	return status;
}

static void
sweep(void)
{
	AUTO_FREE char *path = text_format("%s/" INCOMING_DIRECTORY, home_directory());
	AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		leftovers_settle(fd);
	else if (errno != ENOENT)
		fatal("directory '%s': %s", path, strerror(errno));
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *source = getenv("QREXEC_REMOTE_DOMAIN");
	struct unpacker_options o;
	struct destination d;
	int status;

	log_init("qfile-unpacker");
	unpacker_parse_options(argc, argv, &o);
	if (!o.sweep && (source == NULL || !destination_source_valid(source)))
		fatal("QREXEC_REMOTE_DOMAIN does not name the sender");
	signal(SIGPIPE, SIG_IGN);
	if (o.uid != NULL)
		become(o.uid);
	if (o.directory == NULL && home_directory() == NULL)
		fatal("no home directory");
	if (o.sweep) {
		sweep();
		return 0;
	}
	if ((o.directory != NULL ? destination_open_path(&d, o.directory, &err)
				 : destination_open(&d, home_directory(), source, &err)) < 0)
		fatal("%s", err_message(&err));
	status = receive_into(&d, &o, source);
	destination_close(&d);
	return status;
}
