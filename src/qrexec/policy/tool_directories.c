/* Which directories of policy a tool reads. */
#include <stdlib.h>

#include "base/text.h"
#include "qrexec/policy/tool.h"

void
tool_find_directories(const char *directory, struct policy_directories *ret)
{
	policy_directories_default(ret);
	for (size_t i = 0; directory != NULL && i < POLICY_LEGACY; i++) {
		free(ret->path[i]);
		ret->path[i] = text_copy(directory);
	}
}
