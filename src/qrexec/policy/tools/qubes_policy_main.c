/* qubes-policy: lists, shows, replaces and removes files of policy (spec qrexec.md 6.5). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "qrexec/policy/tools/call.h"
#include "qrexec/policy/tools/input.h"

static int
usage(FILE *out)
{
	fprintf(out,
		"usage: qubes-policy [-l|-g|-r|-d] [include/][NAME]\n"
		"  -l, --list     list the files (of the directory include/, if that is named)\n"
		"  -g, --get      print a file\n"
		"  -r, --replace  replace or create a file with what the standard input says\n"
		"  -d, --remove   remove a file\n"
		"NAME is without \".policy\". Without an option: -g with a NAME, else -l.\n");
	return out == stdout ? 0 : 2;
}

struct command {
	char verb; /* of -l, -g, -r and -d; 0: not said */
	const char *name;
	bool include;
};

static int
run(const struct command *c, const char *verb, const char *payload, size_t size, struct buf *answer,
	struct err *err)
{
	AUTO_FREE char *service = text_format("policy.%s%s", c->include ? "include." : "", verb);
	const struct policy_admin_call call = {
		.service = service, .argument = c->name, .payload = payload, .payload_size = size};

	return policy_call(&call, answer, err);
}

static int
print(const struct buf *answer, bool without_token, struct err *err)
{
	const char *text = (const char *)buf_data(answer);
	const char *end = without_token ? memchr(text, '\n', buf_len(answer)) : NULL;
	size_t skip = end != NULL ? (size_t)(end + 1 - text) : 0;
	int result = write_all(STDOUT_FILENO, text + skip, buf_len(answer) - skip);

	return result < 0 ? err_set_errno(err, -result, "output") : 0;
}

/* Whoever replaces a file by hand has not read it through us: there is no token to hold. */
static int
replace(const struct command *c, struct buf *answer, struct err *err)
{
	AUTO_BUF struct buf payload;

	buf_init(&payload, POLICY_ADMIN_PAYLOAD_MAX);
	if (buf_put_string(&payload, "any\n") < 0 ||
		input_read_all(STDIN_FILENO, &payload, err) < 0)
		return -1;
	return run(c, "Replace", (const char *)buf_data(&payload), buf_len(&payload), answer, err);
}

static int
carry_out(const struct command *c, struct err *err)
{
	AUTO_BUF struct buf answer;

	buf_init(&answer, POLICY_CALL_ANSWER_MAX);
	switch (c->verb) {
	case 'g':
		return run(c, "Get", "", 0, &answer, err) < 0 ? -1 : print(&answer, true, err);
	case 'r':
		return replace(c, &answer, err);
	case 'd':
		return run(c, "Remove", "any", 3, &answer, err);
	default:
		return run(c, "List", "", 0, &answer, err) < 0 ? -1 : print(&answer, false, err);
	}
}

static int
parse(struct command *c, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"list", no_argument, NULL, 'l'},
		{"get", no_argument, NULL, 'g'},
		{"replace", no_argument, NULL, 'r'},
		{"remove", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "lgrdh", long_options, NULL)) != -1) {
		if (option == 'h')
			exit(usage(stdout));
		if (option == '?' || (c->verb != 0 && c->verb != option))
			return -1;
		c->verb = (char)option;
	}
	if (argc - optind > 1)
		return -1;
	c->name = optind < argc ? argv[optind] : "";
	if (text_starts_with(c->name, "include/")) {
		c->include = true;
		c->name += strlen("include/");
	}
	if (c->verb == 0)
		c->verb = c->name[0] != '\0' ? 'g' : 'l';
	return (c->verb == 'l') == (c->name[0] == '\0') ? 0 : -1;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct command command = {0};

	if (parse(&command, argc, argv) < 0)
		return usage(stderr);
	if (carry_out(&command, &err) < 0) {
		fprintf(stderr, "qubes-policy: error: %s\n", err_message(&err));
		return 1;
	}
	return 0;
}
