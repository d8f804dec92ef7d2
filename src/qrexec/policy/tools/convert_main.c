/*
 * qrexec-legacy-convert: policy of the form 4.0 becomes policy of the present form (spec qrexec.md
 * 6.5). Compares what both decide, and leaves all as it was unless that is the same or wanted.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/tool.h"
#include "qrexec/policy/tools/convert.h"
#include "qrexec/policy/tools/convert_files.h"
#include "qrexec/policy/what_if.h"

struct options {
	const char *system_info;
	bool dry_run, yes;
};

/* What the conversion is made of. */
struct work {
	struct policy_directories directories;
	struct policy_files files;
	struct policy_loader loader;
	struct policy_facts *facts;
	struct policy *before, *legacy, *modern;
};

static int
usage(FILE *out)
{
	fprintf(out,
		"usage: qrexec-legacy-convert [OPTION...]\n"
		"Writes the policy of the form 4.0 (" POLICY_LEGACY_PATH ") anew, in the present\n"
		"form (" POLICY_SYSTEM_PATH "), and prints its rules.\n"
		"  --dry-run            change nothing; say what would be decided differently\n"
		"  --yes                keep the new form also when it decides differently\n"
		"  --system-info FILE   what is known about the qubes, as JSON\n"
		"  -h, --help           print this\n"
		"      --version        print the version\n"
		"Exit status: 0 converted, or nothing to convert; 1 left as it was; 2 usage.\n");
	return out == stdout ? 0 : 2;
}

static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option rows[] = {
		{"dry-run", no_argument, NULL, 'n'},
		{"yes", no_argument, NULL, 'y'},
		{"system-info", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", rows, NULL)) != -1) {
		if (option == 'h')
			exit(usage(stdout));
		if (option == 'V') {
			printf("qrexec-legacy-convert (Bulkhead) " BULKHEAD_VERSION "\n");
			exit(0);
		}
		if (option == '?')
			return -1;
		o->dry_run = o->dry_run || option == 'n';
		o->yes = o->yes || option == 'y';
		if (option == 's')
			o->system_info = optarg;
	}
	return optind == argc ? 0 : -1;
}

static int
check(const struct policy *p, const char *which, struct err *err)
{
	const char *error = policy_error(p);

	return error == NULL ? 0 : err_set(err, EINVAL, "%s: %s", which, error);
}

/* 1: to do; 0: the old files count for nothing; -1 with the error. */
static int
work_init(struct work *w, const struct options *o, struct err *err)
{
	bool compatible;

	policy_directories_default(&w->directories);
	policy_files_init(&w->files, &w->directories);
	w->loader = policy_files_loader(&w->files);
	w->before = convert_compile(&w->loader, CONVERT_ALL, NULL, &compatible);
	if (check(w->before, "the policy has an error, which is to be mended first", err) < 0)
		return -1;
	if (!compatible)
		return 0;
	w->legacy = convert_compile(&w->loader, CONVERT_LEGACY_ONLY, NULL, NULL);
	w->modern = convert_compile(&w->loader, CONVERT_MODERN_ONLY, NULL, NULL);
	if (check(w->legacy, "the old files", err) < 0 ||
		check(w->modern, "the policy without the old files", err) < 0)
		return -1;
	if (policy_rule_count(w->legacy) == 0)
		return 0;
	w->facts = tool_read_facts(o->system_info, err);
	return w->facts != NULL ? 1 : -1;
}

static void
work_finish(struct work *w)
{
	policy_unref(w->before);
	policy_unref(w->legacy);
	policy_unref(w->modern);
	policy_facts_unref(w->facts);
	policy_files_finish(&w->files);
	policy_directories_finish(&w->directories);
}

/* How many calls `after` decides differently; told on `out`. */
static size_t
compare(const struct work *w, struct policy *after, FILE *out)
{
	struct policy_view *a = policy_view_create(w->before, w->facts);
	struct policy_view *b = policy_view_create(after, w->facts);
	struct what_if_counts counts;

	what_if_compare(a, b, true, out, &counts);
	policy_view_unref(a);
	policy_view_unref(b);
	return counts.changed;
}

/*
 * Without the last denials of services, as the present form is written; with them if that makes a
 * difference. How many calls are decided differently all the same, or -1 with the error.
 */
static long
plan(const struct work *w, struct conversion *ret, struct err *err)
{
	size_t changed = 0;

	for (int keep = 0; keep < 2; keep++) {
		struct policy *after;
		FILE *nowhere = fopen("/dev/null", "we");

		conversion_finish(ret);
		if (nowhere == NULL ||
			convert_plan(&w->loader, w->legacy, w->modern, keep == 1, ret, err) < 0) {
			if (nowhere == NULL)
				return err_set_errno(err, errno, "'/dev/null'");
			fclose(nowhere);
			return -1;
		}
		after = convert_compile(&w->loader, CONVERT_MODERN_ONLY, ret, NULL);
		changed = policy_error(after) == NULL ? compare(w, after, nowhere) : SIZE_MAX;
		fclose(nowhere);
		if (changed == SIZE_MAX)
			err_set(err, EINVAL, "what it would become has an error: %s",
				policy_error(after));
		policy_unref(after);
		if (changed == 0 || changed == SIZE_MAX)
			break;
	}
	return changed == SIZE_MAX ? -1 : (long)changed;
}

static bool
wants_it(const struct options *o)
{
	char answer[16];

	if (o->yes)
		return true;
	if (!isatty(STDIN_FILENO))
		return false;
	fprintf(stderr, "Keep the new form all the same? [y/N] ");
	return fgets(answer, sizeof(answer), stdin) != NULL && strchr("yY", answer[0]) != NULL;
}

/* What the files say now that they are written. */
static int
check_written(const struct work *w, const struct options *o, struct err *err)
{
	struct policy *after = convert_compile(&w->loader, CONVERT_ALL, NULL, NULL);
	int result = check(after, "the new policy", err);
	size_t changed = result == 0 ? compare(w, after, stderr) : 0;

	if (changed > 0) {
		fprintf(stderr, "%zu calls are decided differently.\n", changed);
		if (!wants_it(o))
			result = err_set(err, ECANCELED, "the new form decides differently");
	}
	policy_unref(after);
	return result;
}

static int
carry_out(
	const struct work *w, const struct conversion *c, const struct options *o, struct err *err)
{
	struct convert_done done = {0};
	AUTO_ERR struct err undo = ERR_INIT;

	if (convert_apply(&w->directories, c, &done, err) == 0 && check_written(w, o, err) == 0) {
		policy_names_finish(&done.renamed);
		return 0;
	}
	if (convert_undo(&w->directories, c, &done, &undo) < 0)
		return err_set(err, EIO, "%s; not all is as it was: %s", err_message(err),
			err_message(&undo));
	return err_wrap(err, "left as it was");
}

static int
convert(const struct options *o, struct err *err)
{
	AUTO_CONVERSION struct conversion c = {0};
	struct work w = {0};
	int result = work_init(&w, o, err);
	long changed = 0;

	if (result == 0)
		fprintf(stderr, "There is nothing to convert.\n");
	if (result > 0)
		changed = plan(&w, &c, err);
	if (result > 0 && changed >= 0) {
		fputs(c.rules, stdout);
		if (o->dry_run)
			fprintf(stderr, "%ld calls would be decided differently.\n", changed);
		else
			result = carry_out(&w, &c, o, err);
	}
	work_finish(&w);
	return changed < 0 ? -1 : result;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct options o = {0};

	if (parse_options(argc, argv, &o) < 0)
		return usage(stderr);
	if (convert(&o, &err) < 0) {
		fprintf(stderr, "qrexec-legacy-convert: %s\n", err_message(&err));
		return 1;
	}
	return 0;
}
