/* Sets of opened images; see image.h. */
#include "admin/storage/image.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

struct disk_images *
disk_images_create(void)
{
	return xcalloc(1, sizeof(struct disk_images));
}

void
disk_images_destroy(struct disk_images *images)
{
	if (images == NULL)
		return;
	for (size_t i = 0; i < images->count; i++) {
		for (size_t j = 0; j < images->images[i].file_count; j++)
			close(images->images[i].files[j].fd);
		if (images->images[i].is_encrypted)
			close(images->images[i].key_fd);
	}
	free(images);
}
