/*
 * Which of a qube's data ports are in use, and by whom (spec qrexec.md 2.12). Ports that belong to
 * connections of an agent that went away stay taken, because those connections may live on; they
 * are given out again only when nothing else is left.
 */
#ifndef BULKHEAD_QREXEC_HOST_PORT_TABLE_H
#define BULKHEAD_QREXEC_HOST_PORT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "qrexec/common/protocol.h"

struct port_entry {
	bool used;
	bool orphan; /* taken before the agent's last restart */
	uint32_t peer_domain;
	void *holder; /* who waits for the end of this connection, or NULL; not owned */
};

struct port_table {
	uint32_t own_domain;
	unsigned int next_orphan; /* where the search for an orphan begins: oldest first, roughly */
	struct port_entry entries[QREXEC_PORT_COUNT];
};

void port_table_init(struct port_table *table, uint32_t own_domain);

/*
 * Takes a port for a connection with peer_domain (0: dom0). The two daemons of a pair of qubes take
 * alternate numbers, so that they never choose the same. Returns the port, or -EBUSY.
 */
int port_table_allocate(struct port_table *table, uint32_t peer_domain, void *holder);

/*
 * Frees a port if it is taken for exactly that peer, and tells its holder. False when it is not:
 * the agent's word alone frees nothing.
 */
bool port_table_release(
	struct port_table *table, uint32_t peer_domain, uint32_t port, void **ret_holder);

/*
 * The holder goes away before the connection ends. Returns the port that it held (no holder has
 * two), and for whom, or 0.
 */
uint32_t port_table_forget_holder(
	struct port_table *table, const void *holder, uint32_t *ret_peer_domain);

/* The agent went away: what is taken now may never be reported as ended. */
void port_table_mark_orphans(struct port_table *table);

unsigned int port_table_used(const struct port_table *table);

#endif
