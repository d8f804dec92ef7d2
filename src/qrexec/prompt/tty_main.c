/*
 * policy-prompt-tty: asks one question, or tells one thing, on the terminal of
 * "qrexec-policy-agent --tty", and ends. The asker's connection is descriptor 0, the terminal is
 * 3 (in) and 4 (out). Every text is checked ASCII: nothing reaches the terminal that it would obey.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "qrexec/prompt/request.h"

#define TERMINAL_IN 3
#define TERMINAL_OUT 4
#define LINE_MAX_BYTES 256
#define TARGETS_SHOWN 40
/* As in a window: what is typed before this has passed in silence was not meant for us. */
#define SETTLE_MS 1000

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vdprintf(TERMINAL_OUT, format, arguments);
	va_end(arguments);
}

static void
give_up(const char *why)
{
	say("\r\n*** %s\r\n", why);
	tcflush(TERMINAL_IN, TCIFLUSH);
	_exit(0);
}

/* Waits for typing; false when none comes in time. Ends the process when the asker goes. */
static bool
wait_for_typing(int timeout_ms)
{
	struct pollfd fds[] = {{TERMINAL_IN, POLLIN, 0}, {STDIN_FILENO, 0, 0}};
	int count;

	do
		count = poll(fds, 2, timeout_ms);
	while (count < 0 && errno == EINTR);
	if ((fds[1].revents & (POLLHUP | POLLERR)) != 0)
		give_up("the asker went away: nothing to answer");
	if ((fds[0].revents & (POLLHUP | POLLERR)) != 0)
		give_up("the terminal is gone");
	return fds[0].revents != 0;
}

/* Until nothing was typed for a second; what was is thrown away. */
static void
settle(void)
{
	struct termios saved, raw;

	tcgetattr(TERMINAL_IN, &saved);
	raw = saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(TERMINAL_IN, TCSAFLUSH, &raw);
	while (wait_for_typing(SETTLE_MS)) {
		char bytes[LINE_MAX_BYTES];

		if (read(TERMINAL_IN, bytes, sizeof(bytes)) <= 0)
			break;
	}
	tcsetattr(TERMINAL_IN, TCSAFLUSH, &saved);
}

/* One line without its end; false at the end of the input. */
static bool
read_answer(char line[LINE_MAX_BYTES])
{
	ssize_t count;

	wait_for_typing(-1);
	count = read(TERMINAL_IN, line, LINE_MAX_BYTES - 1);
	if (count <= 0)
		return false;
	line[count] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return true;
}

static void
show_targets(const struct request *r)
{
	for (size_t i = 0; i < r->target_count && i < TARGETS_SHOWN; i++)
		say("  %3zu  %s%s\r\n", i + 1, r->targets[i].words,
			i == r->default_target ? "  (proposed)" : "");
	if (r->target_count > TARGETS_SHOWN)
		say("  ... and %zu more, by name\r\n", r->target_count - TARGETS_SHOWN);
}

/* A number, or a name in full; nothing for the proposed one. target_count: none of these. */
static size_t
find_target(const struct request *r, const char *untrusted_line)
{
	uint64_t number;

	if (untrusted_line[0] == '\0')
		return r->default_target;
	if (text_parse_u64(untrusted_line, r->target_count, &number) == 0 && number > 0)
		return (size_t)number - 1;
	for (size_t i = 0; i < r->target_count; i++) {
		if (text_equal(untrusted_line, r->targets[i].name) ||
			text_equal(untrusted_line, r->targets[i].words))
			return i;
	}
	return r->target_count;
}

static void
show_terms(const struct request *r)
{
	say("Type \"yes\" to allow this once");
	for (size_t i = 1; i < REQUEST_TERMS; i++) {
		if ((r->terms & 1u << i) != 0)
			say(", \"%s\": %s", request_terms[i].name, request_terms[i].words);
	}
	say("; anything else denies: ");
}

/* REQUEST_TERMS: no. */
static size_t
find_term(const struct request *r, const char *untrusted_line)
{
	if (text_equal(untrusted_line, "yes"))
		return 0;
	for (size_t i = 1; i < REQUEST_TERMS; i++) {
		if ((r->terms & 1u << i) != 0 && text_equal(untrusted_line, request_terms[i].name))
			return i;
	}
	return REQUEST_TERMS;
}

/* The caller frees. */
static char *
ask(const struct request *r)
{
	char line[LINE_MAX_BYTES];
	size_t target, term;

	say("\r\n*** qube \"%s\" asks for the service\r\n***   %s%s%s\r\n", r->source.words,
		r->service, r->argument[0] != '\0' ? " with the argument " : "", r->argument);
	if (r->bad_default)
		say("*** The target that the policy proposes is not allowed.\r\n");
	show_targets(r);
	settle();
	say("Target, by number or name (empty: %s): ",
		r->default_target < r->target_count ? r->targets[r->default_target].words : "deny");
	if (!read_answer(line))
		return text_copy("deny");
	target = find_target(r, line);
	if (target == r->target_count)
		return text_copy("deny");
	say("To %s. ", r->targets[target].words);
	show_terms(r);
	term = read_answer(line) ? find_term(r, line) : REQUEST_TERMS;
	return term == REQUEST_TERMS ? text_copy("deny") : request_answer(r, target, term);
}

static void
confine(void)
{
	static const int syscalls[] = {SYS_ioctl, SYS_dup2};
	AUTO_ERR struct err err = ERR_INIT;

	if (sandbox_enter(syscalls, sizeof(syscalls) / sizeof(syscalls[0]), &err) < 0)
		fatal("%s", err_message(&err));
}

int
main(int argc, char **argv)
{
	enum request_kind kind =
		argc == 2 && text_equal(argv[1], "--notify") ? REQUEST_NOTIFY : REQUEST_ASK;
	AUTO_ERR struct err err = ERR_INIT;
	struct request request;
	char *text, *answer;
	size_t size;

	log_init("policy-prompt-tty");
	if (argc != 2 || !isatty(TERMINAL_IN) || !isatty(TERMINAL_OUT))
		fatal("is started by qrexec-policy-agent(1)");
	confine();
	if (request_receive(STDIN_FILENO, &text, &size, &err) < 0 ||
		request_parse(kind, text, size, &request, &err) < 0) {
		log_error("%s", err_message(&err));
		_exit(1);
	}
	if (kind == REQUEST_NOTIFY) {
		say("\r\n*** %s: %s of qube \"%s\" to \"%s\"\r\n", request.resolution,
			request.service, request.source.words, request.target);
	} else {
		answer = ask(&request);
		say("*** %s\r\n", text_equal(answer, "deny") ? "denied" : answer);
		if (write_all(STDIN_FILENO, answer, strlen(answer)) < 0)
			log_warning("the answer comes too late");
		free(answer);
	}
	request_finish(&request);
	free(text);
	/* Whatever looks for leaks can not run in here. */
	_exit(0);
}
