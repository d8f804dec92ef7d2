/*
 * What a machine needs to have a disk: the files of one image, opened by us, so that the process
 * that runs the machine needs no right to any file. Storage makes these, the hypervisor uses
 * them; neither knows the other.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_IMAGE_H
#define BULKHEAD_ADMIN_STORAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest chain that is handed out; longer ones are a storage error. */
#define DISK_CHAIN_MAX 24
/* Volumes of one qube: root, private, volatile, kernel. */
#define DISK_IMAGES_MAX 4
#define DISK_NAME_SIZE 16

enum disk_format {
	DISK_FORMAT_QCOW2,
	DISK_FORMAT_RAW,
};

struct disk_file {
	int fd; /* owned; only files[0] of a writable image is open for writing */
	enum disk_format format;
};

struct disk_image {
	char name[DISK_NAME_SIZE]; /* "root", "private", "volatile", "modules" */
	bool read_only;
	uint64_t size_bytes;
	struct disk_file files[DISK_CHAIN_MAX]; /* the one written to first, its base next, ... */
	size_t file_count;
	/* files[0] is encrypted: the key, in a file without a name. Owned. */
	bool is_encrypted;
	int key_fd;
};

struct disk_images {
	struct disk_image images[DISK_IMAGES_MAX];
	size_t count;
};

/* An empty set, and its end with all descriptors. Ends the process without memory; NULL is fine. */
struct disk_images *disk_images_create(void);
void disk_images_destroy(struct disk_images *images);

#endif
