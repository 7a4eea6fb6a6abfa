/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A disk that does as it is told: one file, mounted at /tmp/file, that a
 * process of its own serves by the FUSE protocol. With O_DIRECT its operations
 * are asynchronous. It ends with the test's process. It takes root and
 * /dev/fuse.
 */
#ifndef FUSE_H
#define FUSE_H

#include <stdbool.h>

#define FUSE_SIZE (1 << 20)
/* Reads and writes that touch these bytes are -EIO. */
#define FUSE_BAD (FUSE_SIZE / 2)
#define FUSE_BAD_SIZE 4096

/* Why it was false. */
extern char fuse_reason[256];

/* The file has what fixture_fill() fills in. Open with O_DIRECT: fuse_fd. */
bool fuse_serve(void);
extern int fuse_fd;

/* From now on reads and writes are held, and answered when released. */
void fuse_hold(void);
/* Until it has so many. */
void fuse_wait_for_held(unsigned nr);
void fuse_release(void);

/* The disk is gone, with all that it holds. */
void fuse_detach(void);

#endif
