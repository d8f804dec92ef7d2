/* Progress of a transfer (progress.h). */
#include "filecopy/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/loop.h"
#include "base/text.h"

#define SHOW_EVERY_MS 200
#define DESCRIPTOR_MAX 1048576

static uint64_t
environment_number(const char *name, uint64_t max, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value;

	return text != NULL && text_parse_u64(text, max, &value) == 0 ? value : otherwise;
}

void
progress_init(struct progress *p)
{
	const char *kind = getenv("PROGRESS_TYPE");

	if (kind == NULL)
		kind = "none";
	*p = (struct progress){.kind = PROGRESS_NONE, .fd = -1, .started_ms = loop_now_ms()};
	p->total_bytes = environment_number("FILECOPY_TOTAL_BYTES", UINT64_MAX, 0);
	if (text_equal(kind, "console")) {
		p->kind = PROGRESS_CONSOLE;
		p->fd = STDERR_FILENO;
	} else if (text_equal(kind, "gui")) {
		p->fd = (int)environment_number("SAVED_FD_1", DESCRIPTOR_MAX, DESCRIPTOR_MAX);
		if (p->fd < DESCRIPTOR_MAX)
			p->kind = PROGRESS_GUI;
	}
}

void
progress_line(char *ret_line, size_t size, uint64_t bytes, uint64_t total, uint64_t files,
	uint64_t elapsed_ms)
{
	double rate = (double)bytes * 1000 / (double)(elapsed_ms > 0 ? elapsed_ms : 1);
	char left[32] = "";

	if (total < bytes)
		total = bytes;
	if (rate >= 1 && total > bytes) {
		uint64_t seconds = (uint64_t)((double)(total - bytes) / rate) + 1;

		snprintf(left, sizeof(left), ", %" PRIu64 ":%02u left", seconds / 60,
			(unsigned int)(seconds % 60));
	}
	snprintf(ret_line, size, "sent %" PRIu64 "/%" PRIu64 " KB, %" PRIu64 " file%s, %.1f MB/s%s",
		bytes / 1024, total / 1024, files, files == 1 ? "" : "s", rate / 1e6, left);
}

static void
show(struct progress *p, uint64_t bytes, uint64_t files)
{
	char line[160], out[200];
	uint64_t now = loop_now_ms();

	p->shown_ms = now;
	if (p->kind == PROGRESS_GUI) {
		snprintf(out, sizeof(out), "%" PRIu64 "\n", bytes);
	} else {
		progress_line(
			line, sizeof(line), bytes, p->total_bytes, files, now - p->started_ms);
		/* What an earlier, longer line left is cleared. */
		snprintf(out, sizeof(out), "\r%s\033[K", line);
	}
	write_all(p->fd, out, strlen(out)); /* nobody may be looking */
}

void
progress_show(struct progress *p, uint64_t bytes, uint64_t files)
{
	if (p->kind != PROGRESS_NONE && loop_now_ms() - p->shown_ms >= SHOW_EVERY_MS)
		show(p, bytes, files);
}

void
progress_finish(struct progress *p, uint64_t bytes, uint64_t files)
{
	if (p->kind == PROGRESS_NONE)
		return;
	show(p, bytes, files);
	if (p->kind == PROGRESS_CONSOLE)
		write_all(p->fd, "\n", 1);
}
