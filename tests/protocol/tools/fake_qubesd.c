/*
 * Stands in for the daemon where a test needs answers that a real one gives rarely or never:
 * reads what to answer from a file of rules and writes what it was asked to a log.
 *
 *     fake_qubesd ROOT RULES LOG       prints its pid once it listens, and stays in the background
 *
 * A rule is a line `METHOD+ARGUMENT DESTINATION = KIND TEXT`. When several have the same left
 * side they are used one after the other, and the last again and again. KIND is one of
 *
 *     ok TEXT             the result
 *     fail TYPE TEXT      an exception
 *     raw TEXT            these bytes and nothing else
 *     stream TEXT         these bytes, and the connection stays open
 *     hang                no answer; the connection stays open
 *
 * In a TEXT, \n, \\ and \xHH have their usual meaning. A request without a rule gets the
 * exception ProtocolError "no such method: 'METHOD'".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define RULES_MAX 1024
#define REQUEST_MAX (1u << 20)
#define RULES_FILE_MAX (16u << 20)

struct rule {
	const char *request, *kind, *text;
	bool used;
};

static struct rule rules[RULES_MAX];
static size_t rule_count;

/* Undoes \n, \\ and \xHH in place and returns the length. */
static size_t
unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		from++;
		if (*from == 'n') {
			*to++ = '\n';
		} else if (*from == 'x') {
			const char digits[] = {from[1], from[2], '\0'};

			*to++ = (char)strtol(digits, NULL, 16);
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	return (size_t)(to - text);
}

static void
parse_rules(char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		char *equals = strstr(line, " = ");
		struct rule *rule = &rules[rule_count];

		if (*line == '\0' || *line == '#')
			continue;
		if (equals == NULL || rule_count == RULES_MAX)
			fatal("rules: bad line '%s'", line);
		*equals = '\0';
		rule->request = line;
		rule->text = equals + 3;
		rule->kind = strsep((char **)&rule->text, " ");
		if (rule->text == NULL)
			rule->text = "";
		rule_count++;
	}
}

/* The first unused rule for the request, or the last used one. */
static struct rule *
find_rule(const char *request)
{
	struct rule *last = NULL;

	for (size_t i = 0; i < rule_count; i++) {
		if (!text_equal(rules[i].request, request))
			continue;
		last = &rules[i];
		if (!rules[i].used)
			break;
	}
	if (last != NULL)
		last->used = true;
	return last;
}

static void
send_exception(int fd, const char *type, const char *text)
{
	AUTO_FREE char *copy = text_copy(text);
	size_t length = unescape(copy);

	write_all(fd, "2", 2);
	write_all(fd, type, strlen(type) + 1);
	write_all(fd, "", 1);
	write_all(fd, copy, length);
	write_all(fd, "", 1);
}

/* Answers by the rule; true when the connection is to stay open. */
static bool
answer(int fd, const struct rule *rule, const char *request)
{
	AUTO_FREE char *text = NULL;
	size_t length;

	if (rule == NULL) {
		text = text_format("no such method: '%.*s'", (int)strcspn(request, "+"), request);
		send_exception(fd, "ProtocolError", text);
		return false;
	}
	text = text_copy(rule->text);
	if (text_equal(rule->kind, "fail")) {
		char *message = text;
		const char *type = strsep(&message, " ");

		send_exception(fd, type, message != NULL ? message : "");
		return false;
	}
	if (text_equal(rule->kind, "hang"))
		return true;
	length = unescape(text);
	if (text_equal(rule->kind, "ok"))
		write_all(fd, "0", 2);
	write_all(fd, text, length);
	return text_equal(rule->kind, "stream");
}

/* The request as rules and log have it: "METHOD+ARGUMENT DESTINATION". NULL when it is none. */
static char *
parse_request(struct buf *in)
{
	const char *header;
	AUTO_FREE char *copy = NULL;
	char *position, *method, *source, *type;

	if (buf_get_text(in, REQUEST_MAX, &header) < 0)
		return NULL;
	copy = text_copy(header);
	position = copy;
	method = strsep(&position, " ");
	source = strsep(&position, " ");
	type = strsep(&position, " ");
	if (position == NULL || !text_equal(source, "dom0") || !text_equal(type, "name"))
		return NULL;
	return text_format("%s %s", method, position);
}

static void
log_request(FILE *log, const char *request, struct buf *payload)
{
	fprintf(log, "%s", request);
	if (buf_len(payload) > 0)
		fputs(" <- ", log);
	for (size_t i = 0; i < buf_len(payload); i++) {
		unsigned char byte = buf_data(payload)[i];

		if (byte == '\n')
			fputs("\\n", log);
		else if (byte < 0x20 || byte > 0x7e)
			fprintf(log, "\\x%02x", byte);
		else
			fputc(byte, log);
	}
	fputc('\n', log);
	fflush(log);
}

/* Reads one request to its end and answers it. */
static void
serve(int fd, FILE *log)
{
	AUTO_BUF struct buf in;
	AUTO_FREE char *request = NULL;
	ssize_t count;

	buf_init(&in, REQUEST_MAX);
	do {
		count = buf_read_fd(&in, fd, 65536);
	} while (count > 0);
	request = parse_request(&in);
	if (request == NULL) {
		fprintf(log, "BAD REQUEST\n");
		fflush(log);
	} else {
		log_request(log, request, &in);
		if (answer(fd, find_rule(request), request))
			return;
	}
	close(fd);
}

static int
listen_at(const char *root, const char *name)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = text_format("%s/run/%s", root, name);
	int fd = socket_listen(path, 0600, &err);

	if (fd < 0)
		fatal("%s", err_message(&err));
	return fd;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	static char *text; /* the rules point into it */
	struct pollfd polls[2];
	FILE *log;
	pid_t child;

	log_init("fake_qubesd");
	if (argc != 4)
		fatal("usage: fake_qubesd ROOT RULES LOG");
	if (read_file(argv[2], RULES_FILE_MAX, &text, NULL, &err) < 0)
		fatal("%s", err_message(&err));
	parse_rules(text);
	polls[0] = (struct pollfd){listen_at(argv[1], "qubesd.sock"), POLLIN, 0};
	polls[1] = (struct pollfd){listen_at(argv[1], "qubesd.internal.sock"), POLLIN, 0};
	log = fopen(argv[3], "ae");
	if (log == NULL)
		fatal("cannot open '%s'", argv[3]);

	child = fork();
	if (child < 0)
		fatal("cannot fork");
	if (child > 0) {
		printf("%d\n", (int)child);
		return 0;
	}
	if (freopen("/dev/null", "we", stdout) == NULL)
		return 1;
	for (;;) {
		poll(polls, 2, -1);
		for (size_t i = 0; i < 2; i++) {
			int fd = polls[i].revents != 0 ? accept(polls[i].fd, NULL, NULL) : -1;

			if (fd >= 0)
				serve(fd, log);
		}
	}
}
