/* Importing a root image (root_import.h). */
#include "tools/qvm/root_import.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tools/lib/volume_import.h"

int
root_import(const char *qube, const char *image_path, struct err *err)
{
	AUTO_FD int image = open(image_path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (image < 0 || fstat(image, &st) < 0)
		return err_set_errno(err, errno, "cannot open '%s'", image_path);

	struct volume_import import = {
		.qube = qube,
		.volume = "root",
		.fd = image,
		.has_size = true,
		.size_bytes = (uint64_t)st.st_size,
	};

	return volume_import_run(&import, err);
}
