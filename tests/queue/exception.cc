// SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
// An exception leaves callbacks through kaio_queue_run(), which goes on after.
#include <kaio.h>

#include <cstdio>
#include <fcntl.h>

static unsigned called;

static void complete(struct kaio_op *, int64_t)
{
	if (++called <= 2)
		throw called;
}

static bool run(uint32_t flags)
{
	const unsigned nr = 4;
	struct kaio_queue_params params = {};
	struct kaio_queue *queue;
	struct kaio_op ops[nr];
	unsigned caught = 0;
	int fd = open("/dev/null", O_WRONLY);

	params.flags = flags;
	called = 0;
	if (fd < 0 || kaio_queue_create(&queue, nr, &params) < 0)
		return false;
	for (struct kaio_op &op : ops) {
		kaio_prep_pwrite(&op.iocb, fd, "", 1, 0);
		op.complete = complete;
		if (kaio_queue_push(queue, &op.iocb) < 0)
			return false;
	}
	for (int ret = 1; ret > 0;) {
		try {
			ret = kaio_queue_run(queue, 1, KAIO_FOREVER);
		} catch (unsigned) {
			caught++;
		}
	}
	return kaio_queue_destroy(queue) == 0 && caught == 2 && called == nr;
}

int main()
{
	const uint32_t sets[] = { 0, KAIO_QUEUE_NO_RING, KAIO_QUEUE_EVENTFD,
				  KAIO_QUEUE_SHARED };

	for (uint32_t flags : sets) {
		if (!run(flags)) {
			std::printf("FAIL: flags %#x, %u called\n",
				    static_cast<unsigned>(flags), called);
			return 1;
		}
	}
}
