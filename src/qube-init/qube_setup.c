/*
 * What a qube with systemd runs where the small init calls the same functions:
 *
 *     qube-setup early             before anything else: setup_qube()
 *     qube-setup late              at the end of the boot: grows the root, rc.local
 *     qube-setup processors        after that: switches on those that the kernel has left off
 *     qube-setup clone             says that the qube can be frozen, and waits for an identity
 *     qube-setup resize VOLUME     after the host grew `root` or `private`
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "qube-init/clone.h"
#include "qube-init/disks.h"
#include "qube-init/ext4.h"
#include "qube-init/processors.h"
#include "qube-init/setup.h"

static int
early(struct err *err)
{
	struct qube_config config;

	if (qube_config_read(&config, err) < 0)
		return -1;
	return setup_qube(&config, err);
}

/* A root on a partition is left alone: its table would have to grow first. */
static int
resize(const char *volume, struct err *err)
{
	char device[DISK_PATH_SIZE];
	struct disk_facts facts;
	const char *argv[] = {"resize2fs", device, NULL};

	if (!text_equal(volume, "root") && !text_equal(volume, "private"))
		return err_set(err, EINVAL, "volume '%s': is not 'root' or 'private'", volume);
	if (disk_find(volume, device, sizeof device) < 0)
		return err_set(err, ENOENT, "no disk with the serial '%s'", volume);
	if (disk_examine(device, &facts, err) < 0)
		return -1;
	return disk_can_grow(&facts) ? setup_run(err, argv) : 0;
}

static int
late(struct err *err)
{
	if (resize("root", err) < 0)
		log_warning("%s", err_message(err));
	setup_run_scripts("rc.local");
	return 0;
}

static int
processors(void)
{
	processors_bring_up();
	return 0;
}

/* The rest of the boot waits for this to end well. */
static int
clone(struct err *err)
{
	clone_warm_up();
	sync();
	return clone_wait(err);
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	int result;

	log_init("qube-setup");
	if (argc == 2 && text_equal(argv[1], "early"))
		result = early(&err);
	else if (argc == 2 && text_equal(argv[1], "late"))
		result = late(&err);
	else if (argc == 2 && text_equal(argv[1], "processors"))
		result = processors();
	else if (argc == 2 && text_equal(argv[1], "clone"))
		result = clone(&err);
	else if (argc == 3 && text_equal(argv[1], "resize"))
		result = resize(argv[2], &err);
	else
		fatal("usage: qube-setup early|late|processors|clone|resize root|private");
	if (result < 0)
		fatal("%s", err_message(&err));
	return 0;
}
