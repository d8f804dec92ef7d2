/* Which boot modes a template may offer (boot_modes.h). */
#include "tools/services/boot_modes.h"

#include <string.h>

#include "base/text.h"

static const char *const named[] = {
	"boot-mode.kernelopts.", "boot-mode.name.", "boot-mode.default-user."};
static const char *const chosen[] = {
	"boot-mode.active", "boot-mode.appvm-default", "boot-mode.standalone-default"};

static bool
is_boot_mode(const char *mode)
{
	return mode[0] != '\0' && strchr(mode, '.') == NULL;
}

static bool
request_valid(const struct feature_request *r)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const char *mode = r->name + strlen(named[i]);

		if (!text_starts_with(r->name, named[i]))
			continue;
		/* The default mode is the plain one, under whatever name. */
		return is_boot_mode(mode) && (i == 1 || !text_equal(mode, "default"));
	}
	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
		if (text_equal(r->name, chosen[i]))
			return is_boot_mode(r->value);
	return false;
}

/* Two modes that look the same could not be told apart. */
static bool
display_name_unique(const struct feature_requests *requests, const struct feature_request *r)
{
	for (size_t i = 0; i < requests->count; i++) {
		const struct feature_request *other = &requests->items[i];

		if (other != r && text_starts_with(other->name, named[1]) &&
			text_equal(other->value, r->value))
			return false;
	}
	return true;
}

bool
boot_modes_valid(const struct feature_requests *requests)
{
	size_t count = 0;

	for (size_t i = 0; i < requests->count; i++) {
		const struct feature_request *r = &requests->items[i];

		if (!text_starts_with(r->name, BOOT_MODES_PREFIX))
			continue;
		if (++count > BOOT_MODES_MAX || !request_valid(r))
			return false;
		if (text_starts_with(r->name, named[1]) && !display_name_unique(requests, r))
			return false;
	}
	return true;
}
