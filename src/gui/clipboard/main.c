/*
 * qvm-clipboard: the clipboard between qubes, for the person in dom0. Never by itself: dom0's own
 * text gets there, and a qube's text gets here, only by a command that was typed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "gui/clipboard/policy.h"
#include "gui/clipboard/store.h"
#include "gui/protocol/protocol.h"

static const char usage[] =
	"usage: qvm-clipboard COMMAND\n"
	"The clipboard between qubes.\n"
	"\n"
	"  copy    take standard input, so that it can be pasted into a qube\n"
	"  paste   write what a qube copied to standard output, if the policy allows it\n"
	"  status  say whose text is there, and how much of it\n"
	"  clear   forget it\n"
	"\n"
	"  -h, --help   this text\n"
	"      --version\n";

/* Newer than whatever is there: the command is what the person did last. */
static struct clipboard_operation
operation_after(const struct clipboard_state *state, size_t size)
{
	return (struct clipboard_operation){
		.qube = "dom0",
		.time = clipboard_time_of_command(state),
		.sent_bytes = (uint32_t)size,
		.limit_bytes = CLIPBOARD_MAX_BYTES,
		.agent_version = GUI_VERSION_OURS,
	};
}

static int
read_input(struct buf *data, struct err *err)
{
	ssize_t count;

	do
		count = buf_read_fd(data, STDIN_FILENO, 65536);
	while (count > 0 || count == -EINTR);
	if (count == -ENOBUFS)
		return err_set(
			err, EFBIG, "standard input: more than %d bytes", CLIPBOARD_MAX_BYTES);
	return count < 0 ? err_set_errno(err, (int)-count, "standard input") : 0;
}

static int
command_copy(const char *directory, struct err *err)
{
	struct clipboard_operation o;
	struct clipboard_state state;
	AUTO_BUF struct buf data;

	buf_init(&data, CLIPBOARD_MAX_BYTES);
	if (read_input(&data, err) < 0 || clipboard_look(directory, &state, err) < 0)
		return -1;
	o = operation_after(&state, buf_len(&data));
	if (clipboard_copy(directory, &o, buf_data(&data), buf_len(&data), err) == 0)
		return err_set(err, EAGAIN, "clipboard: something newer came, try again");
	return err->code != 0 ? -1 : 0;
}

static int
command_paste(const char *directory, struct err *err)
{
	AUTO_FREE char *socket_path = root_path(CLIPBOARD_POLICY_SOCKET);
	struct clipboard_operation o;
	struct clipboard_state state;
	AUTO_BUF struct buf data;
	int result;

	buf_init(&data, CLIPBOARD_MAX_BYTES);
	if (clipboard_look(directory, &state, err) < 0)
		return -1;
	if (state.source[0] == '\0')
		return err_set(err, ENOENT, "clipboard: nothing is there");
	if (!text_equal(state.source, "dom0") &&
		!clipboard_policy_allows(socket_path, state.source, "dom0"))
		return err_set(err, EACCES, "clipboard: pasting from '%s' is denied by the policy",
			state.source);
	o = operation_after(&state, state.size);
	result = clipboard_take(directory, &o, &state, &data, err);
	if (result == 0)
		return err_set(err, EAGAIN, "clipboard: something newer came, try again");
	if (result < 0)
		return -1;
	result = write_all(STDOUT_FILENO, buf_data(&data), buf_len(&data));
	return result < 0 ? err_set_errno(err, -result, "standard output") : 0;
}

static int
command_status(const char *directory, struct err *err)
{
	struct clipboard_state state;

	if (clipboard_look(directory, &state, err) < 0)
		return -1;
	if (state.source[0] == '\0')
		puts("empty");
	else
		printf("%zu bytes from %s\n", state.size, state.source);
	return 0;
}

static int
command_clear(const char *directory, struct err *err)
{
	return clipboard_clear(directory, err) < 0 ? -1 : 0;
}

static const struct {
	const char *name;
	int (*run)(const char *directory, struct err *err);
} commands[] = {
	{"copy", command_copy},
	{"paste", command_paste},
	{"status", command_status},
	{"clear", command_clear},
};

int
main(int argc, char **argv)
{
	AUTO_FREE char *directory = root_path("/run/qubes");
	AUTO_ERR struct err err = ERR_INIT;
	const char *name = argc == 2 ? argv[1] : "";

	log_init("qvm-clipboard");
	if (text_equal(name, "-h") || text_equal(name, "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (text_equal(name, "--version")) {
		puts("qvm-clipboard " BULKHEAD_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!text_equal(commands[i].name, name))
			continue;
		if (commands[i].run(directory, &err) == 0)
			return 0;
		fprintf(stderr, "qvm-clipboard: error: %s\n", err_message(&err));
		return 1;
	}
	fputs(usage, stderr);
	return 2;
}
