/* The policy in force and the watch over its files; see store.h. */
#include "qrexec/policy/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

#define CHECK_INTERVAL_MS 1000
#define CHECK_INTERVAL_UNWATCHED_MS 100
/* A policy that keeps changing while it is read is tried again at the next question. */
#define READ_ATTEMPTS 3
#define WATCHED_EVENTS                                                                             \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |        \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct policy_store {
	struct policy_directories directories;
	struct policy_files files; /* what the policy rests on */
	struct policy *policy;
	int inotify_fd;
	bool unwatched; /* inotify can not see everything */
	bool stale;
	uint64_t checked_ms;
	int *watches; /* descriptors of inotify */
	size_t watch_count;
};

static bool
has_watch(const int *watches, size_t count, int watch)
{
	for (size_t i = 0; i < count; i++) {
		if (watches[i] == watch)
			return true;
	}
	return false;
}

/* Watches every directory the policy rests on, and no other. */
static void
renew_watches(struct policy_store *s)
{
	int *watches = xcalloc(s->files.seen_count, sizeof(*watches));
	size_t count = 0;

	s->unwatched = s->inotify_fd < 0;
	for (size_t i = 0; i < s->files.seen_count && s->inotify_fd >= 0; i++) {
		int watch = inotify_add_watch(
			s->inotify_fd, s->files.seen[i].directory, WATCHED_EVENTS);

		if (watch < 0)
			s->unwatched = true;
		else if (!has_watch(watches, count, watch))
			watches[count++] = watch;
	}
	for (size_t i = 0; i < s->watch_count; i++) {
		if (!has_watch(watches, count, s->watches[i]))
			inotify_rm_watch(s->inotify_fd, s->watches[i]);
	}
	free(s->watches);
	s->watches = watches;
	s->watch_count = count;
}

static void
report(const struct policy_store *s)
{
	const char *error = policy_error(s->policy);

	if (error != NULL)
		log_error("policy: every call is refused: %s", error);
	else
		log_info("policy: %zu rules in force", policy_rule_count(s->policy));
}

static void
read_once(struct policy_store *s)
{
	struct policy_loader loader;
	struct policy_files files;
	struct policy *policy;
	bool same;

	policy_files_init(&files, &s->directories);
	loader = policy_files_loader(&files);
	policy = policy_compile(&loader);
	same = s->policy != NULL && policy_error(s->policy) == NULL &&
	       policy_error(policy) == NULL && files.checksum == s->files.checksum;
	policy_files_finish(&s->files);
	s->files = files;
	if (same) {
		policy_unref(policy);
		return;
	}
	bool news = s->policy == NULL || policy_error(policy) == NULL ||
		    policy_error(s->policy) == NULL ||
		    !text_equal(policy_error(policy), policy_error(s->policy));
	policy_unref(s->policy);
	s->policy = policy;
	if (news)
		report(s);
}

/* Reads until nothing changed between the reading and the watching. */
static void
read_again(struct policy_store *s)
{
	for (int i = 0; i < READ_ATTEMPTS; i++) {
		read_once(s);
		renew_watches(s);
		s->stale = !policy_files_unchanged(&s->files);
		if (!s->stale)
			break;
	}
	s->checked_ms = loop_now_ms();
}

struct policy_store *
policy_store_create(const struct policy_directories *directories)
{
	struct policy_store *s = xcalloc(1, sizeof(*s));

	for (size_t i = 0; i < POLICY_DIRECTORIES; i++)
		s->directories.path[i] = text_copy(directories->path[i]);
	s->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->inotify_fd < 0)
		log_warning("policy: no inotify (%s), files are compared instead", strerror(errno));
	read_again(s);
	return s;
}

void
policy_store_destroy(struct policy_store *s)
{
	if (s == NULL)
		return;
	if (s->inotify_fd >= 0)
		close(s->inotify_fd);
	policy_files_finish(&s->files);
	policy_directories_finish(&s->directories);
	policy_unref(s->policy);
	free(s->watches);
	free(s);
}

int
policy_store_fd(const struct policy_store *s)
{
	return s->inotify_fd;
}

/* Whether inotify has anything to tell; what it is does not matter. */
static bool
drain_events(int inotify_fd)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;

	while (inotify_fd >= 0 && read(inotify_fd, events, sizeof(events)) > 0)
		any = true;
	return any;
}

static bool
is_due(const struct policy_store *s)
{
	uint64_t interval_ms = s->unwatched ? CHECK_INTERVAL_UNWATCHED_MS : CHECK_INTERVAL_MS;

	return policy_error(s->policy) != NULL || loop_now_ms() - s->checked_ms >= interval_ms;
}

void
policy_store_expire(struct policy_store *s)
{
	s->checked_ms = 0;
}

struct policy *
policy_store_current(struct policy_store *s)
{
	if (drain_events(s->inotify_fd))
		s->stale = true;
	if (!s->stale && is_due(s)) {
		s->stale = !policy_files_unchanged(&s->files);
		s->checked_ms = loop_now_ms();
	}
	if (s->stale)
		read_again(s);
	return s->policy;
}
