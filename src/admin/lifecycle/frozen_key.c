/* Keys and plans of frozen qubes; see frozen_key.h. */
#include "admin/lifecycle/frozen_key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/lifecycle/run.h"
#include "admin/model/app.h"
#include "admin/model/property.h"
#include "admin/storage/image.h"
#include "admin/storage/storage.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

#define KEY_MAX 16384
#define QEMU "qemu-system-x86_64"

/* Who a frozen qube is until a copy of it becomes somebody. */
#define NOBODY_NAME "disposable"
#define NOBODY_UUID "00000000-0000-4000-8000-000000000000"

void
frozen_model(const struct qube *template, struct qube *ret_model)
{
	*ret_model = *template;
	ret_model->class = CLASS_DISP;
	for (unsigned int id = 0; id < PROPERTY_QUBE_SLOTS; id++) {
		if (!property_is_cloned(property_by_id((enum property_id)id)))
			ret_model->values.set &= ~(UINT64_C(1) << id);
	}
	ret_model->values.set |= UINT64_C(1) << PROPERTY_TEMPLATE;
	/* Referred to, never changed. */
	ret_model->values.slots[PROPERTY_TEMPLATE].qube = (struct qube *)(uintptr_t) template;
}

static int
plan_nobody(
	const struct qube *q, struct boot_plan *plan, struct disk_images *disks, struct err *err)
{
	struct qube nobody = *q;

	memcpy(nobody.name, NOBODY_NAME, sizeof(NOBODY_NAME));
	memcpy(nobody.uuid, NOBODY_UUID, sizeof(NOBODY_UUID));
	if (boot_plan_make(plan, &nobody, disks, err) < 0)
		return -1;
	plan->machine.name = NOBODY_NAME;
	plan->machine.uuid = NOBODY_UUID;
	return 0;
}

/* Another file of the same name is another one. */
static void
add_file(struct buf *key, const char *path)
{
	struct stat st;

	if (path == NULL || stat(path, &st) < 0)
		return;
	buf_printf(key, "%s %llu %llu %lld %lld.%09ld\n", path, (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
		st.st_mtim.tv_nsec);
}

static void
add_qemu(struct buf *key)
{
	const char *search = getenv("PATH");
	AUTO_FREE char *path = text_copy(search != NULL ? search : "/usr/bin:/bin");
	char *rest = path, *directory;

	while ((directory = strsep(&rest, ":")) != NULL) {
		AUTO_FREE char *program = text_format("%s/" QEMU, directory);

		if (access(program, X_OK) == 0) {
			add_file(key, program);
			return;
		}
	}
}

static void
add_disks(struct buf *key, const struct disk_images *disks)
{
	for (size_t i = 0; i < disks->count; i++) {
		struct stat st;

		if (fstat(disks->images[i].files[0].fd, &st) == 0)
			buf_printf(key, "%s %llu %lld %lld\n", disks->images[i].name,
				(unsigned long long)st.st_ino, (long long)st.st_size,
				(long long)st.st_mtim.tv_sec);
	}
}

char *
frozen_key(struct lifecycle *l, const struct qube *q, const char *volume_owner, struct err *err)
{
	struct disk_images *modules = disk_images_create();
	AUTO_FREE char *volumes = NULL;
	struct boot_plan plan = {0};
	struct buf key;
	char *text = NULL;

	buf_init(&key, KEY_MAX);
	if (storage_describe_start(l->config.storage, volume_owner, &volumes, err) == 0 &&
		plan_nobody(q, &plan, modules, err) == 0) {
		buf_printf(&key, "%s%s\n%u %u %s\n", volumes, plan.command_line,
			plan.machine.memory_mib, plan.machine.vcpus,
			acceleration_name(hypervisor_acceleration(l->config.hypervisor)));
		add_file(&key, plan.kernel);
		add_file(&key, plan.kernel_elf);
		add_file(&key, plan.initramfs);
		add_disks(&key, modules);
		add_qemu(&key);
		text = buf_steal_string(&key);
		if (text == NULL)
			err_set(err, E2BIG, "too much to compare");
	}
	buf_finish(&key);
	boot_plan_finish(&plan);
	disk_images_destroy(modules);
	return text;
}

int
frozen_plan(struct lifecycle *l, const char *template_name, struct boot_plan *plan,
	struct disk_images *disks, struct err *err)
{
	const struct qube *template = app_find_qube(l->config.app, template_name);
	char *command_line;
	struct qube model;

	if (template == NULL)
		return err_set(err, ENOENT, "'%s' has gone", template_name);
	frozen_model(template, &model);
	if (plan_nobody(&model, plan, disks, err) < 0)
		return -1;
	/* Where systemd's part of the boot ends; without systemd the word is of no meaning. */
	command_line = text_format(
		"%s bulkhead.clone=wait systemd.unit=bulkhead-frozen.target", plan->command_line);
	free(plan->command_line);
	plan->command_line = command_line;
	plan->machine.command_line = command_line;
	return 0;
}
