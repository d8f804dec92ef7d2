/* May what one qube copied be pasted into another (spec gui.md 5.6)? Asked of the policy daemon. */
#ifndef BULKHEAD_GUI_CLIPBOARD_POLICY_H
#define BULKHEAD_GUI_CLIPBOARD_POLICY_H

#include <stdbool.h>

#define CLIPBOARD_POLICY_SOCKET "/run/qubes/policy-eval-simple.sock"
#define CLIPBOARD_POLICY_TIMEOUT_MS 2000

/* True only for a clear yes in time; anything else, whatever goes wrong, is no. Blocks. */
bool clipboard_policy_allows(const char *socket_path, const char *source, const char *target);

#endif
