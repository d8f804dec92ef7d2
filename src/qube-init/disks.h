/*
 * The disks of a qube, known by the serial the host gave them: root, private, volatile, modules.
 * Read from sysfs, so that nothing needs udev to have run. Libc only.
 */
#ifndef BULKHEAD_QUBE_INIT_DISKS_H
#define BULKHEAD_QUBE_INIT_DISKS_H

#include <stddef.h>

/* "/dev/" and the longest name the kernel gives to a block device. */
#define DISK_PATH_SIZE 64

/* The device node of the disk with this serial. 0 or -ENOENT. */
int disk_find(const char *serial, char *ret_path, size_t size);

/*
 * The node that holds the root file system: of a partitioned disk the partition named "Root
 * filesystem", else the third one, else the whole disk. 0 or -ENOENT.
 */
int disk_find_root_filesystem(const char *disk_path, char *ret_path, size_t size);

#endif
