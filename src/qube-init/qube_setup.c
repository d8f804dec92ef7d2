/*
 * What a qube with systemd runs where the small init calls the same functions:
 *
 *     qube-setup early             before anything else: setup_qube()
 *     qube-setup late              at the end of the boot: grows the root, rc.local
 *     qube-setup processors        after that: switches on those that the kernel has left off
 *     qube-setup clone             says that the qube can be frozen, and waits for an identity
 *     qube-setup power             begins a shutdown whenever the power button is pressed
 *     qube-setup resize VOLUME     after the host grew `root` or `private`
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "qube-init/clone.h"
#include "qube-init/disks.h"
#include "qube-init/ext4.h"
#include "qube-init/power.h"
#include "qube-init/processors.h"
#include "qube-init/rest.h"
#include "qube-init/setup.h"

/* What is to be started before the freezing has this long to come to rest. */
#define IDLE_TIMEOUT_MS 60000
/* In a copy, what is left of the boot makes room for so long for what the copy was started for. */
#define COURTESY_MS 5000

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
	clone_hear_of_generation();
	setup_run_scripts("rc.local");
	return 0;
}

static int
processors(void)
{
	processors_bring_up();
	return 0;
}

/*
 * The qube is frozen while all other processes are held, and so is each copy until it has become
 * somebody. One that does not ends here, with the others still held. The rest of the boot begins at
 * the end of this.
 */
static int
clone(struct err *err)
{
	struct clone clone;

	clone_warm_up();
	rest_await_idle(IDLE_TIMEOUT_MS);
	if (clone_prepare(&clone, err) == 0) {
		sync();
		if (rest_hold_others(err) == 0 && clone_wait(&clone, err) == 0 &&
			rest_release_others(err) == 0) {
			rest_await_idle(COURTESY_MS);
			return 0;
		}
	}
	log_error("%s", err_message(err));
	reboot(RB_POWER_OFF);
	return -1;
}

/*
 * systemd's own program that looks at the button starts late, and what is pressed before is lost.
 * The signal is the one by which systemd's first process is asked for its poweroff.target.
 */
static int
power(struct err *err)
{
	int buttons[POWER_BUTTONS_MAX];
	struct pollfd waiting[POWER_BUTTONS_MAX];
	size_t count = power_open_buttons(buttons);

	if (count == 0) {
		log_warning("no power button: the host can only kill this qube");
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		waiting[i] = (struct pollfd){.fd = buttons[i], .events = POLLIN};
	while (poll(waiting, count, -1) > 0 || errno == EINTR) {
		for (size_t i = 0; i < count; i++) {
			if ((waiting[i].revents & (POLLERR | POLLHUP)) != 0)
				return err_set(err, EIO, "the power button has gone");
			if (power_button_pressed(buttons[i]) && kill(1, SIGRTMIN + 4) < 0)
				return err_set_errno(err, errno, "cannot begin the shutdown");
		}
	}
	return err_set_errno(err, errno, "the power button");
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
	else if (argc == 2 && text_equal(argv[1], "power"))
		result = power(&err);
	else if (argc == 3 && text_equal(argv[1], "resize"))
		result = resize(argv[2], &err);
	else
		fatal("usage: qube-setup early|late|processors|clone|power|resize root|private");
	if (result < 0)
		fatal("%s", err_message(&err));
	return 0;
}
