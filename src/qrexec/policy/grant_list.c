/* Lists of grants and the files that hold them; see grant_list.h. */
#include "qrexec/policy/grant_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/line.h"

#define NOTE_START "# grant "
#define HEADER                                                                                     \
	"# Answers to prompts that hold for longer than once. They answer what a rule asks, and\n" \
	"# nothing else. See them with \"qrexec-policy grants list\", take them back with\n"       \
	"# \"qrexec-policy grants revoke ID\".\n"

static const char *const term_names[] = {
	[GRANT_ONCE] = "once",
	[GRANT_HOUR] = "hour",
	[GRANT_STOP] = "stop",
	[GRANT_ALWAYS] = "always",
};

const char *
grant_term_name(enum grant_term term)
{
	return term_names[term];
}

int
grant_term_parse(const char *text, enum grant_term *ret)
{
	for (int term = 0; term < GRANT_TERMS; term++) {
		if (text_equal(text, term_names[term])) {
			*ret = (enum grant_term)term;
			return 0;
		}
	}
	return -EINVAL;
}

uint64_t
grant_clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec;
}

void
grant_list_init(struct grant_list *l)
{
	list_init(&l->grants);
	l->count = l->left_out = 0;
}

void
grant_destroy(struct grant *g)
{
	if (g == NULL)
		return;
	free(g->note);
	free(g->rule);
	free(g);
}

void
grant_list_finish(struct grant_list *l)
{
	struct grant *g, *following;

	list_for_each_safe (g, following, &l->grants, link)
		grant_list_remove(l, g);
}

void
grant_list_remove(struct grant_list *l, struct grant *g)
{
	list_remove(&g->link);
	l->count--;
	grant_destroy(g);
}

int
grant_list_add(struct grant_list *l, struct grant *g, struct err *err)
{
	struct grant *old, *following;

	list_for_each_safe (old, following, &l->grants, link) {
		if (text_equal(old->rule, g->rule))
			grant_list_remove(l, old);
	}
	if (l->count == GRANT_MAX_COUNT) {
		grant_destroy(g);
		return err_set(err, ENOSPC, "grants: there are %d already", GRANT_MAX_COUNT);
	}
	list_append(&l->grants, &g->link);
	l->count++;
	return 0;
}

char *
grant_field(const struct grant *g, const char *key)
{
	const char *at = g->note;
	size_t length = strlen(key);

	while (*at != '\0') {
		size_t word = strcspn(at, " ");

		if (word > length && strncmp(at, key, length) == 0 && at[length] == '=')
			return text_format("%.*s", (int)(word - length - 1), at + length + 1);
		at += word;
		at += strspn(at, " ");
	}
	return text_copy("");
}

/* The same rule has the same name, wherever and whenever it was written. */
static void
name_grant(struct grant *g)
{
	uint32_t hash = UINT32_C(2166136261);

	for (const char *c = g->rule; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * UINT32_C(16777619);
	snprintf(g->id, sizeof(g->id), "%08x", hash);
}

/* What the comment says of the end. Without a sound end there is none to wait for: -EINVAL. */
static int
read_note(struct grant *g)
{
	AUTO_FREE char *term = grant_field(g, "for");
	AUTO_FREE char *ends = grant_field(g, "ends");
	AUTO_FREE char *stops = grant_field(g, "stops");

	if (grant_term_parse(term, &g->term) < 0 || g->term == GRANT_ONCE)
		return -EINVAL;
	if (g->term == GRANT_HOUR)
		return text_parse_u64(ends, UINT64_MAX, &g->ends_s);
	if (g->term == GRANT_STOP) {
		if (stops[0] == '\0' || strlen(stops) > POLICY_QUBE_NAME_MAX)
			return -EINVAL;
		memcpy(g->stops, stops, strlen(stops) + 1);
	}
	return 0;
}

static void
format_time(time_t when, char ret_text[GRANT_TIME_SIZE])
{
	struct tm parts;

	gmtime_r(&when, &parts);
	strftime(ret_text, GRANT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* A target as a rule says it for good: qubes by their UUID, so that no other takes a name over. */
static char *
format_token(const struct policy_view *v, struct policy_target target)
{
	const struct policy_facts *facts = policy_view_facts(v);
	const char *keyword = target.kind == POLICY_TARGET_DISPVM_BASE ? "@dispvm:" : "";
	char text[POLICY_TARGET_TEXT_MAX];

	if (target.kind != POLICY_TARGET_QUBE && target.kind != POLICY_TARGET_DISPVM_BASE)
		return text_copy(policy_target_text(v, target, text));
	if (target.qube == policy_facts_dom0(facts))
		return text_format("%s" POLICY_DOM0_NAME, keyword);
	if (policy_facts_qube(facts, target.qube)->uuid[0] == '\0')
		return NULL;
	return text_format("%suuid:%s", keyword, policy_facts_qube(facts, target.qube)->uuid);
}

static char *
format_note(const struct policy_view *v, const struct policy_decision *d, enum grant_term term)
{
	const struct policy_facts *facts = policy_view_facts(v);
	char given[GRANT_TIME_SIZE], until[GRANT_TIME_SIZE];
	char asked[POLICY_TARGET_TEXT_MAX], to[POLICY_TARGET_TEXT_MAX];
	AUTO_FREE char *end = NULL;
	time_t now = time(NULL);

	format_time(now, given);
	format_time(now + GRANT_HOUR_S, until);
	if (term == GRANT_HOUR)
		end = text_format(" ends=%llu until=%s",
			(unsigned long long)grant_clock_s() + GRANT_HOUR_S, until);
	else if (term == GRANT_STOP)
		end = text_format(" stops=%s", policy_facts_qube(facts, d->caller)->name);
	return text_format("given=%s for=%s%s from=%s asked=%s to=%s", given, grant_term_name(term),
		end != NULL ? end : "", policy_facts_qube(facts, d->source)->name,
		policy_target_text(v, d->requested, asked), policy_target_text(v, d->target, to));
}

struct grant *
grant_create(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, enum grant_term term, struct err *err)
{
	const struct policy_target by_source = {POLICY_TARGET_QUBE, false, d->source};
	AUTO_FREE char *source = format_token(v, by_source);
	AUTO_FREE char *target = format_token(v, d->requested);
	AUTO_FREE char *choice = format_token(v, d->target);
	const char *plus = strchr(request->service, '+');
	int length =
		(int)(plus != NULL ? (size_t)(plus - request->service) : strlen(request->service));
	struct grant *g;

	if (source == NULL || target == NULL || choice == NULL) {
		err_set(err, ENODATA, "a qube has no UUID");
		return NULL;
	}
	if (strlen(request->service) > GRANT_RULE_MAX / 2) {
		err_set(err, E2BIG, "the argument is too long");
		return NULL;
	}
	g = xcalloc(1, sizeof(*g));
	list_init(&g->link);
	g->rule = text_format("%.*s %s %s %s allow target=%s", length, request->service,
		plus != NULL ? plus : "+", source, target, choice);
	g->note = format_note(v, d, term);
	name_grant(g);
	if (read_note(g) < 0) {
		grant_destroy(g);
		err_set(err, EINVAL, "the grant can not be written down");
		return NULL;
	}
	return g;
}

static struct grant *
parse_grant(const char *note, const char *rule, bool endless)
{
	struct grant *g = xcalloc(1, sizeof(*g));

	list_init(&g->link);
	g->rule = text_copy(rule);
	g->note = text_copy(note != NULL ? note : "for=always");
	name_grant(g);
	if (read_note(g) == 0 && (g->term == GRANT_ALWAYS) == endless)
		return g;
	if (!endless) {
		grant_destroy(g);
		return NULL;
	}
	g->term = GRANT_ALWAYS;
	return g;
}

static int
parse_text(struct grant_list *l, char *text, size_t size, bool endless, struct err *err)
{
	size_t position = 0, length;
	char *line, *note = NULL;

	while (policy_line_next(text, size, &position, &line, &length)) {
		line[length] = '\0';
		if (text_starts_with(line, NOTE_START)) {
			/* After the name, which follows from the rule. */
			note = line + strlen(NOTE_START);
			note += strcspn(note, " ");
			note += strspn(note, " ");
		} else if (line[0] != '#' && line[strspn(line, " \t")] != '\0') {
			struct grant *g = parse_grant(note, line, endless);

			l->left_out += g == NULL;
			if (g != NULL && grant_list_add(l, g, err) < 0)
				return -1;
			note = NULL;
		}
	}
	return 0;
}

int
grant_list_read(struct grant_list *l, const char *path, bool endless, struct err *err)
{
	AUTO_ERR struct err reading = ERR_INIT;
	AUTO_FREE char *text = NULL;
	size_t size;

	if (read_file(path, GRANT_FILE_MAX_BYTES, &text, &size, &reading) < 0)
		return reading.code == ENOENT ? 0 : err_move(err, &reading);
	return parse_text(l, text, size, endless, err);
}

int
grant_list_write(const struct grant_list *l, const char *path, struct err *err)
{
	AUTO_BUF struct buf out;
	const struct grant *g;
	int result;

	buf_init(&out, GRANT_FILE_MAX_BYTES);
	if (l->count == 0) {
		if (unlink(path) < 0 && errno != ENOENT)
			return err_set_errno(err, errno, "file '%s': cannot remove", path);
		return 0;
	}
	result = buf_put_string(&out, HEADER);
	list_for_each (g, &l->grants, link) {
		if (result == 0)
			result = buf_printf(
				&out, "\n" NOTE_START "%s %s\n%s\n", g->id, g->note, g->rule);
	}
	if (result < 0)
		return err_set_errno(err, -result, "file '%s': cannot write", path);
	return write_file(path, buf_data(&out), buf_len(&out), 0644, err);
}

int
grant_lock(const char *directory, struct err *err)
{
	AUTO_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, errno, "directory '%s': cannot open", directory);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set_errno(err, errno, "grants: somebody else changes them");
	return steal_fd(&fd);
}
