/*
 * Full-window updates: a synthetic agent against a plain MIT-SHM put of the same pictures by a
 * program of its own. Prints frames a second, the processor time a frame costs all who take part,
 * and what a window costs the daemon.
 *
 * Short rounds of either in turns, and the median of the ratios of neighbours: whoever else uses
 * the machine disturbs both alike. The agent is as well-behaved as ours: it commits one picture
 * ahead of what the daemon has drawn (X_FRAME), and as fast as that and its buffers allow.
 *
 *     bench-gui-frames GUI-DAEMON [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/shm.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "gui/protocol/window_memory.h"
#include "stage.h"

#define BUFFERS 3
#define ROUNDS_MAX 99
#define ROUND_SECONDS 0.7
#define WINDOWS_MEASURED 200
#define GOAL_PERCENT 90

/* What one round has found. */
struct outcome {
	double rate;       /* frames a second */
	double frame_cpu;  /* processor seconds a frame, of all */
	double daemon_cpu; /* share of a processor */
};

static void
fill_buffers(struct stage *s, uint32_t width, uint32_t height)
{
	for (uint32_t i = 0; i < BUFFERS; i++)
		memset((char *)s->pool + stage_buffer_offset(i, width, height), (int)(i * 60 + 20),
			(size_t)width * height * 4);
}

/* The agent's books: which buffers are its own, and what it committed that was not drawn yet. */
struct books {
	bool ours[BUFFERS];
	uint32_t serial, drawn_serial;
};

static void
commit_one(struct qube *q, struct books *b)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		if (!b->ours[i])
			continue;
		b->ours[i] = false;
		qube_commit(q, 1, i, ++b->serial);
		return;
	}
}

/* Frames that the daemon drew, not those it skipped. */
static struct outcome
run_daemon(struct stage *s, uint32_t width, uint32_t height, const char *interval)
{
	struct books books = {.ours = {true, true, true}};
	double began, before, daemon_before, cpu, took;
	struct outcome outcome;
	struct gui_message m;
	uint32_t drawn = 0;
	struct qube q;

	qube_start(&q, s, "bench", interval);
	qube_open_window(&q, 1, 10, 30, width, height);
	for (uint32_t i = 0; i < BUFFERS; i++)
		qube_register(&q, 1, i, width, height);
	commit_one(&q, &books);
	qube_take_type(&q, GUI_X_FRAME, &m);
	books.drawn_serial = m.frame.serial;
	commit_one(&q, &books);
	daemon_before = stage_processor_time(q.daemon);
	before = daemon_before + stage_processor_time(s->x_server) + stage_processor_time(0);
	began = stage_now();
	while (stage_now() < began + ROUND_SECONDS) {
		qube_take(&q, &m);
		if (m.type == GUI_X_FRAME) {
			drawn++;
			books.drawn_serial = m.frame.serial;
		} else if (m.type == GUI_X_RELEASE) {
			books.ours[m.release.buffer_id - 1] = true;
		}
		if (books.serial == books.drawn_serial)
			commit_one(&q, &books);
	}
	took = stage_now() - began;
	cpu = stage_processor_time(q.daemon) + stage_processor_time(s->x_server) +
	      stage_processor_time(0) - before;
	outcome = (struct outcome){drawn / took, drawn > 0 ? cpu / drawn : 0,
		(stage_processor_time(q.daemon) - daemon_before) / took};
	qube_stop(&q);
	return outcome;
}

/* The same pictures by one request each, with as many of them under way. */
static struct outcome
run_plain(struct stage *s, uint32_t width, uint32_t height)
{
	xcb_connection_t *x = xcb_connect(NULL, NULL);
	xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(x)).data;
	xcb_window_t window = xcb_generate_id(x);
	xcb_gcontext_t gc = xcb_generate_id(x);
	xcb_shm_seg_t segment = xcb_generate_id(x);
	xcb_get_input_focus_cookie_t cookies[BUFFERS];
	AUTO_ERR struct err err = ERR_INIT;
	double began, before, took;
	struct outcome outcome;
	uint32_t frames = 0;

	xcb_create_window(x, 24, window, screen->root, 10, 30, (uint16_t)width, (uint16_t)height, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, 0, NULL);
	xcb_create_gc(x, gc, window, 0, NULL);
	xcb_map_window(x, window);
	xcb_shm_attach_fd(x, segment, window_memory_open_read_only(s->pool_fd, &err), 1);
	free(xcb_get_input_focus_reply(x, xcb_get_input_focus(x), NULL));
	before = stage_processor_time(s->x_server) + stage_processor_time(0);
	began = stage_now();
	while (stage_now() < began + ROUND_SECONDS) {
		uint32_t slot = frames % BUFFERS;

		if (frames >= BUFFERS)
			free(xcb_get_input_focus_reply(x, cookies[slot], NULL));
		xcb_shm_put_image(x, window, gc, (uint16_t)width, (uint16_t)height, 0, 0,
			(uint16_t)width, (uint16_t)height, 0, 0, 24, XCB_IMAGE_FORMAT_Z_PIXMAP, 0,
			segment, stage_buffer_offset(slot, width, height));
		cookies[slot] = xcb_get_input_focus(x);
		xcb_flush(x);
		if (xcb_connection_has_error(x) != 0)
			fatal("the X server is gone");
		frames++;
	}
	free(xcb_get_input_focus_reply(x, xcb_get_input_focus(x), NULL));
	took = stage_now() - began;
	outcome = (struct outcome){frames / took,
		(stage_processor_time(s->x_server) + stage_processor_time(0) - before) / frames, 0};
	xcb_disconnect(x);
	return outcome;
}

static void
compare(struct stage *s, int rounds, uint32_t width, uint32_t height)
{
	double plain[ROUNDS_MAX], ours[ROUNDS_MAX], ratio[ROUNDS_MAX], cost[ROUNDS_MAX];
	double plain_cpu[ROUNDS_MAX], ours_cpu[ROUNDS_MAX];
	struct outcome paced;

	fill_buffers(s, width, height);
	for (int i = 0; i < rounds; i++) {
		/* Whoever is first profits from nothing: they change places. */
		bool ours_first = i % 2 != 0;
		struct outcome a, b;

		b = ours_first ? run_daemon(s, width, height, "0") : run_plain(s, width, height);
		a = ours_first ? run_plain(s, width, height) : run_daemon(s, width, height, "0");
		plain[i] = ours_first ? a.rate : b.rate;
		ours[i] = ours_first ? b.rate : a.rate;
		plain_cpu[i] = ours_first ? a.frame_cpu : b.frame_cpu;
		ours_cpu[i] = ours_first ? b.frame_cpu : a.frame_cpu;
		ratio[i] = ours[i] / plain[i];
		cost[i] = ours_cpu[i] / plain_cpu[i];
	}
	printf("%ux%u: plain MIT-SHM %.0f frames/s, gui-daemon %.0f frames/s: %.0f %% (median of "
	       "%d rounds; goal %d %%)\n",
		width, height, stage_median(plain, (size_t)rounds),
		stage_median(ours, (size_t)rounds), stage_median(ratio, (size_t)rounds) * 100,
		rounds, GOAL_PERCENT);
	printf("%ux%u: processor time a frame, all who take part: plain %.0f us, gui-daemon %.0f "
	       "us "
	       "(%.0f %%)\n",
		width, height, stage_median(plain_cpu, (size_t)rounds) * 1e6,
		stage_median(ours_cpu, (size_t)rounds) * 1e6,
		stage_median(cost, (size_t)rounds) * 100);
	paced = run_daemon(s, width, height, "8");
	printf("%ux%u: at the usual pace (8 ms) %.0f frames/s, gui-daemon takes %.1f %% of a "
	       "processor\n",
		width, height, paced.rate, paced.daemon_cpu * 100);
}

static void
measure_windows(struct stage *s)
{
	struct gui_message m;
	long before, after;
	struct qube q;

	qube_start(&q, s, "bench", "8");
	qube_open_window(&q, 1, 10, 30, 400, 300);
	for (uint32_t i = 0; i < BUFFERS; i++)
		qube_register(&q, 1, i, 400, 300);
	qube_take_type(&q, GUI_WINDOW_DUMP_ACK, &m);
	before = stage_resident_kib(q.daemon);
	for (uint32_t id = 10; id < 10 + WINDOWS_MEASURED; id++) {
		qube_open_window(&q, id, 10, 30, 400, 300);
		for (uint32_t i = 0; i < BUFFERS; i++)
			qube_register(&q, id, 10 + (id - 10) * BUFFERS + i, 4, 4);
	}
	for (int acks = 0; acks < (WINDOWS_MEASURED + 1) * BUFFERS - 1; acks++)
		qube_take_type(&q, GUI_WINDOW_DUMP_ACK, &m);
	after = stage_resident_kib(q.daemon);
	printf("memory: gui-daemon %ld KiB, and %.1f KiB a window with %d buffers\n", before,
		(double)(after - before) / WINDOWS_MEASURED, BUFFERS);
	qube_stop(&q);
}

int
main(int argc, char **argv)
{
	struct stage s;
	int rounds = 7;

	log_init("bench-gui-frames");
	if (argc < 2)
		fatal("usage: bench-gui-frames GUI-DAEMON [ROUNDS]");
	if (argc > 2)
		rounds = (int)strtol(argv[2], NULL, 10);
	if (rounds < 1 || rounds > ROUNDS_MAX)
		fatal("'%s' is not a number of rounds", argv[2]);
	stage_start(&s, argv[1]);
	compare(&s, rounds, 1280, 800);
	compare(&s, rounds, 1920, 1080);
	measure_windows(&s);
	stage_stop(&s);
	return 0;
}
