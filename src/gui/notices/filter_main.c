/*
 * notification-filter: reads what a qube sends to be shown, and writes what is fit for it. One for
 * each call of qubes.Notifications, confined before the first byte; the launcher shows what comes
 * out. Standard input is the qube's stream in both directions.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "gui/daemon/title.h"
#include "gui/notices/notice.h"

#define INPUT_MAX_BYTES (4UL * NOTICE_RECORD_MAX)

static int
exchange_versions(struct err *err)
{
	const uint8_t ours[4] = {NOTICE_VERSION & 0xff, NOTICE_VERSION >> 8 & 0xff,
		NOTICE_VERSION >> 16 & 0xff, NOTICE_VERSION >> 24};
	uint8_t theirs[4];

	if (write_all(STDIN_FILENO, ours, sizeof(ours)) < 0 ||
		read_exactly(STDIN_FILENO, theirs, sizeof(theirs)) < 0)
		return err_set(err, EPIPE, "notifications: hung up");
	/* What a later minor version adds, it adds behind a word that both have agreed on. */
	if (theirs[2] != ours[2] || theirs[3] != ours[3])
		return err_set(err, EPROTO, "notifications: version %u.%u is not ours",
			theirs[3] << 8U | theirs[2], theirs[1] << 8U | theirs[0]);
	return 0;
}

/* All notices that are there. 0 or -1. */
static int
pass_on(struct buf *in, struct err *err)
{
	static struct notice notice;
	AUTO_BUF struct buf out;
	int result;

	buf_init(&out, INPUT_MAX_BYTES);
	while ((result = notice_take(in, &notice, err)) > 0) {
		notice_clean(&notice);
		if (notice_put(&out, &notice) < 0 ||
			write_all(STDOUT_FILENO, buf_data(&out), buf_len(&out)) < 0)
			return err_set(err, EPIPE, "notifications: nobody shows them");
		buf_clear(&out);
	}
	return result;
}

static int
serve(struct err *err)
{
	AUTO_BUF struct buf in;
	ssize_t count = 1;

	buf_init(&in, INPUT_MAX_BYTES);
	if (exchange_versions(err) < 0)
		return -1;
	while (count > 0 || count == -EINTR) {
		if (pass_on(&in, err) < 0)
			return -1;
		count = buf_read_fd(&in, STDIN_FILENO, INPUT_MAX_BYTES);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;

	log_init("notification-filter");
	if (argc > 2 || (argc == 2 && !qube_name_valid(argv[1], NULL))) {
		fputs("usage: notification-filter [QUBE]\n", stderr);
		return 2;
	}
	if (argc == 2)
		log_set_qube(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	title_init();
	if (sandbox_enter(NULL, 0, &err) < 0)
		fatal("%s", err_message(&err));
	if (serve(&err) < 0) {
		log_warning("%s", err_message(&err));
		return 1;
	}
	return 0;
}
