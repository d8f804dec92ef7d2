/* Configuration of services: any bytes are a configuration or an error with a reason. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "qrexec/common/rpc_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct rpc_config config;

	log_set_level(LOG_LEVEL_ERROR);
	if (rpc_config_parse((const char *)data, size, "fuzz", &config, &err) == 0) {
		assert(config.force_user == NULL || !rpc_config_has_socket_options(&config));
		rpc_config_finish(&config);
	} else {
		assert(err.message != NULL);
	}
	err_clear(&err);
	return 0;
}
