/* Data ports of one qube. Runs in qrexec-daemon; trusts nobody's port numbers. */
#include "qrexec/host/port_table.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

void
port_table_init(struct port_table *table, uint32_t own_domain)
{
	memset(table, 0, sizeof(*table));
	table->own_domain = own_domain;
}

static int
entry_take(struct port_table *table, unsigned int index, uint32_t peer_domain, void *holder)
{
	table->entries[index] = (struct port_entry){
		.used = true,
		.peer_domain = peer_domain,
		.holder = holder,
	};
	return (int)index + QREXEC_PORT_MIN;
}

/* dom0 has no daemon, so nobody else takes ports for it: every number is ours. */
static void
parity_choose(const struct port_table *table, uint32_t peer_domain, unsigned int *first,
	unsigned int *step)
{
	*step = peer_domain == 0 ? 1 : 2;
	*first = peer_domain == 0 || table->own_domain > peer_domain ? 0 : 1;
}

int
port_table_allocate(struct port_table *table, uint32_t peer_domain, void *holder)
{
	unsigned int first, step;

	parity_choose(table, peer_domain, &first, &step);
	for (unsigned int i = first; i < QREXEC_PORT_COUNT; i += step) {
		if (!table->entries[i].used)
			return entry_take(table, i, peer_domain, holder);
	}
	for (unsigned int i = 0; i < QREXEC_PORT_COUNT; i++) {
		unsigned int index = (table->next_orphan + i) % QREXEC_PORT_COUNT;

		if (table->entries[index].orphan && index % step == first % step) {
			table->next_orphan = index + 1;
			return entry_take(table, index, peer_domain, holder);
		}
	}
	return -EBUSY;
}

bool
port_table_release(struct port_table *table, uint32_t peer_domain, uint32_t port, void **ret_holder)
{
	struct port_entry *entry;

	if (!qrexec_port_valid(port))
		return false;
	entry = &table->entries[port - QREXEC_PORT_MIN];
	if (!entry->used || entry->peer_domain != peer_domain)
		return false;
	*ret_holder = entry->holder;
	*entry = (struct port_entry){0};
	return true;
}

uint32_t
port_table_forget_holder(struct port_table *table, const void *holder, uint32_t *ret_peer_domain)
{
	for (unsigned int i = 0; i < QREXEC_PORT_COUNT; i++) {
		if (table->entries[i].holder != holder)
			continue;
		table->entries[i].holder = NULL;
		*ret_peer_domain = table->entries[i].peer_domain;
		return i + QREXEC_PORT_MIN;
	}
	return 0;
}

void
port_table_mark_orphans(struct port_table *table)
{
	for (unsigned int i = 0; i < QREXEC_PORT_COUNT; i++) {
		if (!table->entries[i].used)
			continue;
		assert(table->entries[i].holder == NULL);
		table->entries[i].orphan = true;
	}
}

unsigned int
port_table_used(const struct port_table *table)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < QREXEC_PORT_COUNT; i++)
		used += table->entries[i].used;
	return used;
}
