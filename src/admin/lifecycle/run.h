/*
 * One qube's stay in the running state, from the acceptance of a start to the end of the clean-up
 * after its machine. Private to this folder. The phases, and what moves a run on:
 *
 *   NETVM -> STORAGE -> MACHINE -> AGENT -> UP          each by the answer of its step
 *   any of these -> STOPPING                            by a failure, a kill
 *   STOPPING or any -> CLEANING -> (gone)               when the machine is gone
 *
 * A step whose answer is outstanding (`busy`) can not be taken back: a run that is to go meanwhile
 * is `doomed`, and goes when the answer comes.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_RUN_H
#define BULKHEAD_ADMIN_LIFECYCLE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/hypervisor/hypervisor.h"
#include "admin/lifecycle/host_process.h"
#include "admin/lifecycle/lifecycle.h"
#include "admin/lifecycle/record.h"
#include "admin/model/app.h"
#include "admin/model/events.h"
#include "base/list.h"
#include "base/loop.h"

enum run_phase {
	RUN_NETVM,    /* waiting for the qube that gives it a network */
	RUN_STORAGE,  /* volumes are being made ready */
	RUN_MACHINE,  /* the machine is being made, paused */
	RUN_AGENT,    /* it boots; the agent has not answered yet */
	RUN_UP,       /* usable */
	RUN_STOPPING, /* the machine is on its way out */
	RUN_CLEANING, /* the machine is gone; processes end, storage commits */
};

struct lifecycle {
	struct lifecycle_config config;
	struct list runs;    /* run.link */
	struct list answers; /* waiter.link: to be given on the next turn */
	struct loop_deferred *answering;
	struct recovery *recovery; /* while lifecycle_recover() is under way */
	struct list frozen;        /* frozen.link, in frozen.c */
	struct list resizes;       /* resize.link, in resize.c */
	struct list snapshots;     /* live_snapshot.link, in live_disk.c */
	unsigned int starts_max;   /* runs in the phases STORAGE to AGENT at a time */
	bool ending;
	struct loop_timer *memory_timer; /* memory.c; NULL until a start has to wait for memory */
	bool memory_awaited;
	uint64_t memory_since_ms; /* since when none was given back */
	struct loop_timer *frozen_timer;
	struct event_subscriber *frozen_subscriber;
};

/* A request that waits for its answer. */
struct waiter {
	struct list link; /* run.start_waiters, run.stop_waiters, or lifecycle.answers */
	struct lifecycle *l;
	struct run *run;
	lifecycle_done done;
	void *data;
	struct loop_timer *timer; /* of a shutdown with a time limit, or NULL */
	struct err err;           /* the answer, once it is in lifecycle.answers */
	bool failed;
};

/* One of the host processes, with its restarts. */
struct run_service {
	struct run *run;
	enum record_process kind;
	struct host_process *process; /* NULL while it is not there */
	struct loop_timer *restart;
	unsigned int failures; /* in a row */
	uint64_t ready_ms;     /* since when it is ready; 0: it is not */
};

struct frozen;

struct run {
	struct list link; /* lifecycle.runs */
	struct lifecycle *l;
	struct qube *q; /* pinned */
	enum run_phase phase;
	struct running_record record;
	bool recorded;           /* the row exists */
	bool spawned;            /* the machine was announced */
	bool waiting;            /* in phase NETVM, for others to be started, or for memory */
	bool told_waiting;       /* for memory: once in the log is enough */
	bool busy;               /* a step's answer is still to come, so the run can not go yet */
	bool doomed;             /* to be torn down when that answer comes */
	struct err failure;      /* why the start was given up; empty otherwise */
	struct machine *machine; /* or NULL */
	struct frozen *frozen;   /* what it starts as a copy of, until it is one */
	bool is_copy;            /* it was or is such a start */
	bool is_ephemeral;       /* leaves nothing on the disk: ephemeral.h */
	bool is_spare;           /* nobody waits for it: preload.h */
	int identity_fd;         /* of a copy; -1 */
	struct run_service services[RECORD_PROCESS_MAX]; /* [RECORD_MACHINE] is unused */
	struct loop_timer *agent_timer;
	struct loop_timer *power_timer; /* power_button.c; NULL until a shutdown is asked for */
	uint64_t power_until_ms;
	struct windows *windows;     /* windows.h; NULL: none */
	struct list start_waiters;   /* waiter.link */
	struct list stop_waiters;    /* waiter.link */
	struct list restart_waiters; /* waiter.link: starts asked for while it stops */
	struct list machine_waiters; /* waiter.link: requests handed to the machine */
};

/* lifecycle.c: runs, waiters and their answers. */
struct run *run_find(const struct lifecycle *l, const struct qube *q);
struct run *run_create(struct lifecycle *l, struct qube *q);
void run_destroy(struct run *run);
struct waiter *waiter_create(struct lifecycle *l, struct run *run, lifecycle_done done, void *data);
/* Moves the answer to the next turn of the loop; err NULL: success. */
void waiter_answer(struct waiter *w, const struct err *err);
void waiters_answer_all(struct list *waiters, const struct err *err);
/*
 * A request for the machine, and what is given to it as the function to answer; answered with an
 * error should the machine go first.
 */
struct waiter *run_await_machine(struct run *run, lifecycle_done done, void *data);
void run_handle_machine_answer(void *data, const struct err *err);
/* What a request gets that needs a running machine. -1 with the error. */
int run_refuse_not_running(const struct qube *q, struct err *err);

/* start.c */
void run_begin(struct run *run);
void run_agent_ready(struct run *run);
/* From phase NETVM on, and from the beginning again where a copy did not come up; or waits. */
void run_go_on(struct run *run);
/* The start is over, or the machine is to go: tears everything down. Takes the error over. */
void run_give_up(struct run *run, struct err *reason);
/* As RUN_UP; also for an adopted machine. */
void run_set_up(struct run *run);
void run_handle_machine_event(struct machine *m, const struct machine_event *event, void *data);

/* turns.c */
/* Whether it may be started beside the others, and none that came first waits. */
bool run_has_turn(const struct run *run);
/* A start is over: those that wait for their turn go on, in the order in which they came. */
void runs_go_on(struct lifecycle *l);

/* power_button.c: asks the qube to power itself off, again and again while it does not. */
void run_press_power_button(struct run *run);

/* stop.c */
/* Ends the machine and all else. Any phase; asking again is fine. */
void run_tear_down(struct run *run);
/* The machine is known to be gone. */
void run_clean_up(struct run *run);

/* services.c: vchan-linkd and qrexec-daemon. */
int run_services_start(struct run *run, struct err *err);
/* Takes up those of the record, and starts anew what is gone. */
void run_services_adopt(struct run *run);
void run_services_stop(struct run *run);
bool run_services_are_gone(const struct run *run);
void run_services_destroy(struct run *run);

/* resize.c: those that are under way, without an answer. */
void resizes_destroy_all(struct lifecycle *l);

/* live_disk.c: carries out what storage asks for; snapshots under way, without an answer. */
void live_disks_init(struct lifecycle *l);
void live_disks_destroy(struct lifecycle *l);

/* Writes the record; a failure is logged: what is lost is only the adoption after a restart. */
void run_save_record(struct run *run);

#endif
