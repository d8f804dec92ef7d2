/* The command line of gui-daemon (spec gui.md 7.2). It wins over the file, which it may name. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "gui/daemon/daemon.h"

#define DOMAIN_MAX 0x7fef
#define ICON_ARGUMENT_MAX 4096

const char gui_usage[] =
	"usage: gui-daemon -d ID -N NAME [OPTION ...]\n"
	"Shows the windows of one qube, each with a border in its label's colour.\n"
	"\n"
	"  -d, --domid ID               the qube's domain number\n"
	"  -N, --name NAME              the qube's name\n"
	"  -c, --color COLOUR           0xRRGGBB of its label, or a colour's name\n"
	"  -l, --label INDEX            number of its label\n"
	"  -i, --icon FILE              PNG for its windows\n"
	"  -C, --config FILE            instead of /etc/qubes/guid.conf\n"
	"  -p, --prop NAME=TYPE:VALUE   one more property of each window (s text, a atom, c list)\n"
	"  -T, --title-name             put the qube's name into the window's title\n"
	"      --trayicon-mode MODE     how tray icons are coloured, see guid.conf(5)\n"
	"      --screensaver-name NAME  window class above which no menu is shown\n"
	"      --max-clipboard-size N   bytes that may be copied\n"
	"      --override-redirect=allow|disabled\n"
	"      --strict-popups          menus only for windows that are in use\n"
	"  -f, --foreground             do not go to the background\n"
	"  -n, --background             do not wait for the agent\n"
	"  -I, --invisible              show nothing\n"
	"  -K, --kill-on-connect PID    end that process when the agent is there\n"
	"  -v, -q                       say more, or less\n"
	"      --on-violation=ask|disconnect\n"
	"      --allow-old-agent        accept wrong lengths of agents before 1.6\n"
	"      --paste-guard-ms N       how long after it got the focus a window is not pasted to\n"
	"      --draw-interval-ms N     shortest time between two drawings\n"
	"      --connect unix:PATH      agent at a unix socket\n"
	"      --pool-fd N              descriptor of the window memory\n"
	"      --state-dir DIR          instead of /run/qubes\n"
	"      --policy-socket PATH     of the policy's EvalSimple\n"
	"      --stats-fd N             one line for each drawing\n"
	"      --ready-fd N             told when the agent is connected\n"
	"      --icons-fd N             socket over which calls come that bring icons\n"
	"  -h, --help                   this text\n"
	"      --version\n";

enum long_option {
	OPTION_TRAY = 256,
	OPTION_SCREENSAVER,
	OPTION_CLIPBOARD,
	OPTION_POPUPS,
	OPTION_STRICT,
	OPTION_VIOLATION,
	OPTION_OLD_AGENT,
	OPTION_GUARD,
	OPTION_INTERVAL,
	OPTION_CONNECT,
	OPTION_POOL,
	OPTION_STATE,
	OPTION_POLICY,
	OPTION_STATS,
	OPTION_READY,
	OPTION_ICONS,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"domid", required_argument, NULL, 'd'},
	{"name", required_argument, NULL, 'N'},
	{"color", required_argument, NULL, 'c'},
	{"label", required_argument, NULL, 'l'},
	{"icon", required_argument, NULL, 'i'},
	{"config", required_argument, NULL, 'C'},
	{"prop", required_argument, NULL, 'p'},
	{"title-name", no_argument, NULL, 'T'},
	{"trayicon-mode", required_argument, NULL, OPTION_TRAY},
	{"screensaver-name", required_argument, NULL, OPTION_SCREENSAVER},
	{"max-clipboard-size", required_argument, NULL, OPTION_CLIPBOARD},
	{"override-redirect", required_argument, NULL, OPTION_POPUPS},
	{"strict-popups", no_argument, NULL, OPTION_STRICT},
	{"foreground", no_argument, NULL, 'f'},
	{"background", no_argument, NULL, 'n'},
	{"invisible", no_argument, NULL, 'I'},
	{"kill-on-connect", required_argument, NULL, 'K'},
	{"verbose", no_argument, NULL, 'v'},
	{"quiet", no_argument, NULL, 'q'},
	{"on-violation", required_argument, NULL, OPTION_VIOLATION},
	{"allow-old-agent", no_argument, NULL, OPTION_OLD_AGENT},
	{"paste-guard-ms", required_argument, NULL, OPTION_GUARD},
	{"draw-interval-ms", required_argument, NULL, OPTION_INTERVAL},
	{"connect", required_argument, NULL, OPTION_CONNECT},
	{"pool-fd", required_argument, NULL, OPTION_POOL},
	{"state-dir", required_argument, NULL, OPTION_STATE},
	{"policy-socket", required_argument, NULL, OPTION_POLICY},
	{"stats-fd", required_argument, NULL, OPTION_STATS},
	{"ready-fd", required_argument, NULL, OPTION_READY},
	{"icons-fd", required_argument, NULL, OPTION_ICONS},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int
parse_number(const char *option, const char *text, uint64_t minimum, uint64_t maximum,
	uint64_t *ret_value, struct err *err)
{
	uint64_t value = 0;

	if (text_parse_u64(text, maximum, &value) < 0 || value < minimum)
		return err_set(err, EINVAL, "%s: '%s' is not a number from %llu to %llu", option,
			text, (unsigned long long)minimum, (unsigned long long)maximum);
	*ret_value = value;
	return 0;
}

static int
set_fd(int *fd, const char *option, const char *text, struct err *err)
{
	uint64_t value = 0;

	if (parse_number(option, text, 3, 65535, &value, err) < 0)
		return -1;
	*fd = (int)value;
	return 0;
}

static int
set_unsigned(unsigned int *member, const char *option, const char *text, uint64_t minimum,
	uint64_t maximum, struct err *err)
{
	uint64_t value = 0;

	if (parse_number(option, text, minimum, maximum, &value, err) < 0)
		return -1;
	*member = (unsigned int)value;
	return 0;
}

static void
set_text(char **member, const char *text)
{
	free(*member);
	*member = text_copy(text);
}

static int
set_name(struct gui_config *c, const char *text, struct err *err)
{
	const char *reason;

	if (!qube_name_valid(text, &reason))
		return err_set(err, EINVAL, "name '%s': %s", text, reason);
	snprintf(c->name, sizeof(c->name), "%s", text);
	return 0;
}

/* NAME=TYPE:VALUE */
static int
add_property(struct gui_config *c, const char *text, struct err *err)
{
	struct gui_extra_property *p = &c->properties[c->property_count];
	const char *equals = strchr(text, '=');

	if (c->property_count == GUI_PROPERTIES_MAX)
		return err_set(err, EINVAL, "prop: more than %d", GUI_PROPERTIES_MAX);
	if (equals == NULL || equals == text || equals[1] == '\0' ||
		strchr("sac", equals[1]) == NULL || equals[2] != ':')
		return err_set(err, EINVAL, "prop '%s' is not NAME=TYPE:VALUE", text);
	p->name = strndup(text, (size_t)(equals - text));
	p->value = text_copy(equals + 3);
	p->type = equals[1];
	c->property_count++;
	return 0;
}

static int
add_screensaver(struct gui_config *c, const char *text, struct err *err)
{
	if (c->screensaver_count == GUI_SCREENSAVERS_MAX)
		return err_set(err, EINVAL, "screensaver-name: more than %d", GUI_SCREENSAVERS_MAX);
	c->screensavers[c->screensaver_count++] = text_copy(text);
	return 0;
}

static int
set_clipboard(struct gui_config *c, const char *text, struct err *err)
{
	return set_unsigned(&c->max_clipboard_bytes, "max-clipboard-size", text, GUI_CLIPBOARD_MIN,
		256000, err);
}

static int
set_violation(struct gui_config *c, const char *text, struct err *err)
{
	if (!text_equal(text, "ask") && !text_equal(text, "disconnect"))
		return err_set(
			err, EINVAL, "on-violation: '%s' is neither ask nor disconnect", text);
	c->disconnect_on_violation = text_equal(text, "disconnect");
	return 0;
}

/* What the qube is and how it looks. */
static int
apply_short(struct gui_config *c, int option, const char *value, struct err *err)
{
	unsigned int number = 0;

	switch (option) {
	case 'd':
		if (c->domain != 0)
			return err_set(err, EINVAL, "domid: given twice");
		return set_unsigned(&c->domain, "domid", value, 1, DOMAIN_MAX, err);
	case 'N':
		return set_name(c, value, err);
	case 'c':
		if (gui_parse_colour(value, &c->colour) < 0)
			return err_set(err, EINVAL, "color '%s' is none", value);
		return 0;
	case 'l':
		if (set_unsigned(&number, "label", value, 0, UINT32_MAX, err) < 0)
			return -1;
		/* The colour is what counts; a number nobody knows is red. */
		c->label = number >= 1 && number <= 255 ? (uint8_t)number : 1;
		return 0;
	case 'i':
		set_text(&c->icon_path, value);
		return 0;
	case 'C':
		return 0; /* was read before the others */
	case 'p':
		return add_property(c, value, err);
	case 'T':
		c->title_name = true;
		return 0;
	case 'f':
		c->foreground = true;
		c->kill_on_connect = 0;
		return 0;
	case 'n':
		c->background_start = true;
		return 0;
	case 'I':
		c->invisible = true;
		return 0;
	case 'K':
		if (set_unsigned(&number, "kill-on-connect", value, 2, INT32_MAX, err) < 0)
			return -1;
		c->kill_on_connect = c->foreground ? 0 : (int)number;
		return 0;
	case 'v':
		c->log_verbosity++;
		return 0;
	case 'q':
		c->log_verbosity = 0;
		return 0;
	}
	return err_set(err, EINVAL, "unknown option");
}

static int
apply_long(struct gui_config *c, int option, const char *value, struct err *err)
{
	switch (option) {
	case OPTION_TRAY:
		return gui_config_set(c, "trayicon_mode", value, err);
	case OPTION_SCREENSAVER:
		return add_screensaver(c, value, err);
	case OPTION_CLIPBOARD:
		return set_clipboard(c, value, err);
	case OPTION_POPUPS:
		return gui_config_set(c, "override_redirect", value, err);
	case OPTION_STRICT:
		c->strict_popups = true;
		return 0;
	case OPTION_VIOLATION:
		return set_violation(c, value, err);
	case OPTION_OLD_AGENT:
		c->allow_old_agent = true;
		return 0;
	case OPTION_GUARD:
		return set_unsigned(&c->paste_guard_ms, "paste-guard-ms", value, 0, 60000, err);
	case OPTION_INTERVAL:
		return set_unsigned(&c->draw_interval_ms, "draw-interval-ms", value, 0, 1000, err);
	case OPTION_CONNECT:
		if (!text_starts_with(value, "unix:"))
			return err_set(err, EINVAL, "connect: '%s' is not unix:PATH", value);
		set_text(&c->connect, value);
		return 0;
	case OPTION_POOL:
		return set_fd(&c->pool_fd, "pool-fd", value, err);
	case OPTION_STATE:
		set_text(&c->state_dir, value);
		return 0;
	case OPTION_POLICY:
		set_text(&c->policy_socket, value);
		return 0;
	case OPTION_STATS:
		return set_fd(&c->stats_fd, "stats-fd", value, err);
	case OPTION_READY:
		return set_fd(&c->ready_fd, "ready-fd", value, err);
	case OPTION_ICONS:
		return set_fd(&c->icons_fd, "icons-fd", value, err);
	}
	return apply_short(c, option, value, err);
}

static const char short_options[] = "d:N:c:l:i:C:p:TfnIK:vqh";

/* The file has to be read before the options that win over it. */
static char *
find_config_path(int argc, char **argv)
{
	char *path = NULL;
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (option == 'C')
			set_text(&path, optarg);
	}
	return path != NULL ? path : root_path(GUI_CONFIG_PATH);
}

static int
check(struct gui_config *c, struct err *err)
{
	if (c->name[0] == '\0')
		return err_set(err, EINVAL, "name: not given");
	if (c->domain == 0 && c->connect == NULL)
		return err_set(err, EINVAL, "domid: not given");
	if (c->screensaver_count == 0)
		c->screensavers[c->screensaver_count++] = text_copy("xscreensaver");
	return 0;
}

int
gui_options_parse(struct gui_config *c, int argc, char **argv, struct err *err)
{
	int option;

	c->config_path = find_config_path(argc, argv);
	optind = 0;
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (option == 'h')
			return GUI_OPTIONS_HELP;
		if (option == OPTION_VERSION)
			return GUI_OPTIONS_VERSION;
		if (option == '?')
			return err_set(err, EINVAL, "unknown option, or one without its value");
	}
	if (optind < argc || (argc > 1 && text_equal(argv[argc - 1], "--")))
		return err_set(err, EINVAL, "arguments are not taken");
	if (gui_config_read(c, c->config_path, err) < 0)
		return -1;
	optind = 0;
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (apply_long(c, option, optarg, err) < 0)
			return -1;
	}
	return check(c, err) < 0 ? -1 : GUI_OPTIONS_RUN;
}
