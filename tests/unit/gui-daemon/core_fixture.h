/* A core with the remembering display, and the agent's side of its connection. */
#ifndef TESTS_CORE_FIXTURE_H
#define TESTS_CORE_FIXTURE_H

#include "fake_display.h"

#define FIXTURE_POOL_BYTES ((uint64_t)16 << 20)

struct fixture {
	struct gui_config config;
	struct display display;
	struct core *core;
	struct buf in;
	struct err err;
	uint64_t damages, notices;
	/* The clipboard as it came out. */
	unsigned int copies, pastes, oversizes;
	char copied[64];
	size_t copied_size;
	uint32_t copy_time;
};

/* Connected, with the capabilities exchanged; `minor` of the agent. */
void fixture_init(struct fixture *f);
void fixture_connect(struct fixture *f, unsigned int minor);
void fixture_finish(struct fixture *f);

/* Gives the core a message: 0, or -1 after a violation. */
int fixture_send(struct fixture *f, const struct gui_message *m);
int fixture_send_bytes(struct fixture *f, const void *bytes, size_t size);
/* The next message the core sent; false when there is none. */
bool fixture_receive(struct fixture *f, struct gui_message *ret_message);
/* Drops what the core sent. */
void fixture_forget_output(struct fixture *f);

int fixture_create(
	struct fixture *f, uint32_t id, int x, int y, uint32_t width, uint32_t height, bool popup);
int fixture_map(struct fixture *f, uint32_t id);
int fixture_bare(struct fixture *f, uint32_t type, uint32_t id);
struct display_window *fixture_view(struct fixture *f, uint32_t id);

extern uint64_t fixture_time_ms;

#endif
