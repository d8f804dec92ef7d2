/* The identity that a clone reads from its port: any bytes, without a crash. */
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "qube-init/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct identity identity;

	(void)identity_parse((const char *)data, size, &identity, &err);
	return 0;
}
