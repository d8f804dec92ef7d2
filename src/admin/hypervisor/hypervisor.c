/* The front of the hypervisor interface: hands everything to the driver. See hypervisor.h. */
#include "admin/hypervisor/hypervisor.h"

#include <stdlib.h>
#include <string.h>

#include "admin/hypervisor/driver.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

struct hypervisor *
hypervisor_create(struct loop *loop, struct err *err)
{
	struct hypervisor *h = xcalloc(1, sizeof(*h));

	h->loop = loop;
	h->driver = &hypervisor_qemu;
	h->acceleration = acceleration_detect(NULL);
	h->counter = host_counter_read();
	return h;
}

void
hypervisor_destroy(struct hypervisor *h)
{
	free(h);
}

enum acceleration
hypervisor_acceleration(const struct hypervisor *h)
{
	return h->acceleration;
}

struct machine *
hypervisor_start(struct hypervisor *h, const struct machine_config *config, machine_handler handler,
	machine_done done, void *data, struct err *err)
{
	return h->driver->start(h, config, handler, done, data, err);
}

struct machine *
hypervisor_adopt(struct hypervisor *h, const char *name, const char *run_directory,
	const char *console_log, pid_t pid, unsigned long long start_time, machine_handler handler,
	machine_done done, void *data, struct err *err)
{
	return h->driver->adopt(
		h, name, run_directory, console_log, pid, start_time, handler, done, data, err);
}

void
machine_destroy(struct machine *m)
{
	if (m != NULL)
		m->driver->destroy(m);
}

const char *
machine_name(const struct machine *m)
{
	return m->name;
}

enum machine_state
machine_state(const struct machine *m)
{
	return m->state;
}

pid_t
machine_pid(const struct machine *m)
{
	return m->pid;
}

unsigned long long
machine_start_time(const struct machine *m)
{
	return m->start_time;
}

void
machine_resume(struct machine *m, machine_done done, void *data)
{
	m->driver->resume(m, done, data);
}

void
machine_pause(struct machine *m, machine_done done, void *data)
{
	m->driver->pause(m, done, data);
}

void
machine_shut_down(struct machine *m, machine_done done, void *data)
{
	m->driver->shut_down(m, done, data);
}

void
machine_save(struct machine *m, int device_fd, machine_done done, void *data)
{
	m->driver->save(m, device_fd, done, data);
}

int
machine_kill(struct machine *m)
{
	return m->driver->kill(m);
}

void
machine_attach_disk(
	struct machine *m, const struct disk_image *image, machine_done done, void *data)
{
	m->driver->attach_disk(m, image, done, data);
}

void
machine_detach_disk(struct machine *m, const char *name, machine_done done, void *data)
{
	m->driver->detach_disk(m, name, done, data);
}

void
machine_resize_disk(
	struct machine *m, const char *name, uint64_t size_bytes, machine_done done, void *data)
{
	m->driver->resize_disk(m, name, size_bytes, done, data);
}

void
machine_fold_disk(
	struct machine *m, const char *name, const char *base_name, machine_done done, void *data)
{
	m->driver->fold_disk(m, name, base_name, done, data);
}

void
machine_switch_disk(
	struct machine *m, const struct disk_image *image, machine_done done, void *data)
{
	m->driver->switch_disk(m, image, done, data);
}

void
machine_attach_window_memory(struct machine *m, int fd, machine_done done, void *data)
{
	m->driver->attach_window_memory(m, fd, done, data);
}

uint64_t
host_memory_available_mib(void)
{
	AUTO_FREE char *text = NULL;
	const char *line;

	if (read_file("/proc/meminfo", 65536, &text, NULL, NULL) < 0)
		return 0;
	line = strstr(text, "MemAvailable:");
	if (line == NULL)
		return 0;
	return strtoull(line + strlen("MemAvailable:"), NULL, 10) / 1024;
}
