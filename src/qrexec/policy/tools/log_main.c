/* qrexec-policy-log: which calls qubes made, and what the policy said to them. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/decision_log.h"
#include "qrexec/policy/tools/log_line.h"
#include "qrexec/policy/tools/log_reader.h"

#define LINES_MAX 1000000

struct options {
	struct log_filter filter;
	const char *file; /* NULL: the usual one */
	bool follow, json;
	uint64_t last; /* lines wanted of those there are; 0: all */
};

struct output {
	const struct options *options;
	bool direct; /* lines are printed as they come */
	char **kept; /* a ring of the last ones, until then */
	uint64_t count;
};

static int
usage(FILE *out)
{
	fprintf(out, "usage: qrexec-policy-log [OPTION...]\n"
		     "  --source QUBE    calls of this qube, or on its behalf\n"
		     "  --target QUBE    calls to this qube, asked for or given\n"
		     "  --qube QUBE      calls of or to this qube\n"
		     "  --service NAME[+ARGUMENT]\n"
		     "  --result allow|deny\n"
		     "  --since TIME     30s, 10m, 2h, 7d, or 2026-01-31T12:00 (UTC)\n"
		     "  -n, --lines N    the last N of them\n"
		     "  -f, --follow     go on with calls to come\n"
		     "  --json           one JSON object a line\n"
		     "  --file FILE      another log\n");
	return out == stdout ? 0 : 2;
}

static void
print_json(const struct log_line *line)
{
	json_t *object = json_object();
	char *text;

	json_object_set_new(object, "time", json_string(line->time));
	for (size_t i = 0; i < line->count; i++)
		json_object_set_new(
			object, line->fields[i].key, json_string(line->fields[i].value));
	text = json_dumps(object, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(object);
}

static void
print_line(const struct options *o, const char *untrusted_text)
{
	AUTO_FREE char *copy = text_copy(untrusted_text);
	struct log_line line;

	if (!o->json)
		puts(untrusted_text);
	else if (log_line_parse(copy, &line) == 0)
		print_json(&line);
}

/* Lines that are not the log's own are left out: what they would do to a terminal is not known. */
static bool
handle_line(char *untrusted_text, void *data)
{
	struct output *output = data;
	AUTO_FREE char *copy = text_copy(untrusted_text);
	uint64_t last = output->options->last;
	struct log_line line;

	if (log_line_parse(copy, &line) < 0 || !log_filter_matches(&output->options->filter, &line))
		return true;
	if (output->direct || last == 0) {
		print_line(output->options, untrusted_text);
		return !ferror(stdout);
	}
	free(output->kept[output->count % last]);
	output->kept[output->count++ % last] = text_copy(untrusted_text);
	return true;
}

/* All there is has been read: from here on lines go out at once. */
static void
handle_wait(void *data)
{
	struct output *output = data;
	uint64_t last = output->options->last;
	uint64_t first = output->count > last ? output->count - last : 0;

	for (uint64_t i = first; !output->direct && i < output->count; i++)
		print_line(output->options, output->kept[i % last]);
	output->direct = true;
	fflush(stdout);
}

/* The time so many seconds ago, as the log writes it. */
static char *
time_ago(uint64_t seconds)
{
	time_t when = time(NULL) - (time_t)seconds;
	struct tm parts;

	gmtime_r(&when, &parts);
	return text_format("%04d-%02d-%02dT%02d:%02d:%02d.000Z", parts.tm_year + 1900,
		parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/* NULL for what is no time. The caller frees it. */
static char *
parse_since(const char *text)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	AUTO_FREE char *number = text_copy(text);
	size_t length = strlen(text);
	uint64_t value;

	if (length >= strlen("2026-01-31") && text[4] == '-' && text[7] == '-' &&
		text[strspn(text, "0123456789-T:.Z")] == '\0')
		return text_copy(text);
	for (size_t i = 0; length > 1 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[length - 1] != units[i].unit)
			continue;
		number[length - 1] = '\0';
		if (text_parse_u64(number, 1000000, &value) == 0)
			return time_ago(value * units[i].seconds);
	}
	return NULL;
}

/* -1 to go on, else the exit status. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"source", required_argument, NULL, 's'},
		{"target", required_argument, NULL, 't'},
		{"qube", required_argument, NULL, 'q'},
		{"service", required_argument, NULL, 'S'},
		{"result", required_argument, NULL, 'r'},
		{"since", required_argument, NULL, 'T'},
		{"lines", required_argument, NULL, 'n'},
		{"follow", no_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},
		{"file", required_argument, NULL, 'F'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "n:fh", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			o->filter.source = optarg;
			break;
		case 't':
			o->filter.target = optarg;
			break;
		case 'q':
			o->filter.qube = optarg;
			break;
		case 'S':
			o->filter.service = optarg;
			break;
		case 'r':
			o->filter.result = optarg;
			if (!text_equal(optarg, "allow") && !text_equal(optarg, "deny"))
				return usage(stderr);
			break;
		case 'T':
			o->filter.since = optarg;
			break;
		case 'n':
			if (text_parse_u64(optarg, LINES_MAX, &o->last) < 0 || o->last == 0)
				return usage(stderr);
			break;
		case 'f':
			o->follow = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'F':
			o->file = optarg;
			break;
		default:
			return usage(option == 'h' ? stdout : stderr);
		}
	}
	return optind == argc ? -1 : usage(stderr);
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *usual = root_path(DECISION_LOG_PATH);
	AUTO_FREE char *since = NULL;
	struct options options = {0};
	struct output output = {.options = &options};
	int status = parse_options(&options, argc, argv);

	if (status >= 0)
		return status;
	if (options.filter.since != NULL) {
		since = parse_since(options.filter.since);
		if (since == NULL)
			return usage(stderr);
		options.filter.since = since;
	}
	if (options.last > 0)
		output.kept = xcalloc(options.last, sizeof(*output.kept));
	status = log_read(options.file != NULL ? options.file : usual, options.follow, handle_line,
		handle_wait, &output, &err);
	if (status < 0)
		fprintf(stderr, "qrexec-policy-log: error: %s\n", err_message(&err));
	else
		handle_wait(&output);
	for (uint64_t i = 0; i < options.last; i++)
		free(output.kept[i]);
	free(output.kept);
	return status < 0 ? 1 : 0;
}
