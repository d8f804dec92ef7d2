#include "qube-init/power.h"

#include <fcntl.h>
#include <glob.h>
#include <linux/input.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool
has_power_key(int fd)
{
	uint8_t keys[KEY_MAX / 8 + 1] = {0};

	return ioctl(fd, EVIOCGBIT(EV_KEY, sizeof keys), keys) >= 0 &&
	       (keys[KEY_POWER / 8] & 1 << KEY_POWER % 8) != 0;
}

size_t
power_open_buttons(int ret_fds[POWER_BUTTONS_MAX])
{
	size_t count = 0;
	glob_t found;

	if (glob("/dev/input/event*", 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && count < POWER_BUTTONS_MAX; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		if (fd >= 0 && has_power_key(fd))
			ret_fds[count++] = fd;
		else if (fd >= 0)
			close(fd);
	}
	globfree(&found);
	return count;
}

bool
power_button_pressed(int fd)
{
	struct input_event event;
	bool pressed = false;

	while (read(fd, &event, sizeof event) == (ssize_t)sizeof event) {
		if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1)
			pressed = true;
	}
	return pressed;
}
