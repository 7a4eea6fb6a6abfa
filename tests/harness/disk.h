/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A disk for one test, which takes root. What is mounted is in a mount
 * namespace of the test's process, and the loop device clears itself: both end
 * with the process, however it ends.
 */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>
#include <stdint.h>

#define DISK_SIZE (512L << 20)

/* The file, and the loop device, open with O_DIRECT; and its path. */
extern int disk_file;
extern int disk_fd;
extern char disk_path[32];

/* Why one of these was false. */
extern char disk_reason[256];

/* A sparse file as a loop device with sectors of this size. */
bool disk_attach(uint32_t sector_size);

/* The same with one partition, whose path disk_path is then. */
bool disk_attach_partition(uint32_t sector_size);

/* Makes a file system on disk_path, and mounts it at /tmp. */
bool disk_mount(const char *type, const char *options);

/* options: of mount(8), or NULL */
bool disk_mount_tmpfs(const char *options);
bool disk_mount_ramfs(void);

#endif
