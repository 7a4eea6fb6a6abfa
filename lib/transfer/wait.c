/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Driving the queue for transfers, and waiting for one.
 *
 * Of many threads that wait for transfers of one queue, one is in the queue for
 * all of them. It learns of every completion, and tells the others when theirs
 * is over: in the queue, each would sleep on while another collected what it
 * waits for.
 */
#include "queue/collect.h"
#include "transfer.h"

#include <sched.h>

/* How long the leader may miss what another thread's kaio_queue_run() took. */
#define LEADER_NS 4000000

static int transfer_status(const struct kaio_transfer *transfer)
{
	uint32_t failed = __atomic_load_n(&transfer->failed, __ATOMIC_RELAXED);
	int64_t result;

	if (failed == NONE)
		return 0;
	result = transfer->ops[failed].result;
	return result < 0 ? (int)result : -ENODATA;
}

static bool goes_on(const struct kaio_transfer *transfer)
{
	return transfer_is_active(transfer) && !transfer_is_released(transfer);
}

/* What a call that ran the queue returns: its own error counts if active. */
static int leave(struct kaio_transfer *transfer, int ret)
{
	if (transfer_is_released(transfer))
		ret = -ECANCELED;
	else if (!transfer_is_active(transfer))
		ret = transfer_status(transfer);
	transfer_unref(transfer);
	return ret;
}

static int check_posted(const struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);

	if (ret < 0)
		return ret;
	return transfer_was_posted(transfer) ? 0 : -EINVAL;
}

static bool another_leads(const struct hub *hub)
{
	return hub->led && !pthread_equal(hub->leader, pthread_self());
}

/* True if this thread is to drive the queue, now fed. */
static bool feed_to_drive(struct hub *hub)
{
	bool mine;

	hub_lock(hub);
	kaio_transfer_feed(hub);
	mine = !another_leads(hub);
	hub_unlock(hub);
	return mine;
}

/* A queueful at most, so that it ends where operations complete at once. */
static int drive(struct kaio_transfer *transfer)
{
	struct hub *hub = transfer->hub;
	unsigned left = kaio_queue_depth(hub->queue);
	int ret;

	do {
		if (!feed_to_drive(hub))
			return kaio_queue_submit(hub->queue);
		ret = kaio_queue_run(hub->queue, 0, 0);
		if (ret > 0)
			left -= (unsigned)ret < left ? (unsigned)ret : left;
	} while (ret > 0 && left && goes_on(transfer));
	return ret;
}

int kaio_transfer_test(struct kaio_transfer *transfer)
{
	int ret = check_posted(transfer);

	if (ret < 0)
		return ret;
	if (!transfer_is_active(transfer))
		return transfer_status(transfer);
	/* For programs that poll. */
	if (is_still(transfer->hub->queue) &&
	    !guest_is_hungry(&transfer->hub->guest))
		return -EINPROGRESS;
	transfer_ref(transfer);
	ret = drive(transfer);
	/* What is for ever; all else may be better next time. */
	if (ret != -EPERM && ret != -ENOSYS && ret != -ELOOP)
		ret = -EINPROGRESS;
	return leave(transfer, ret);
}

/* 0: to be asked again whether it goes on. */
static int wait_alone(struct kaio_transfer *transfer, int64_t deadline)
{
	struct hub *hub = transfer->hub;
	unsigned min = 1;
	bool cut;
	int ret;

	kaio_transfer_feed(hub);
	/*
	 * More than one at a time only where nothing else is to be done with
	 * each: while some are hungry, it makes room for one of them, and other
	 * operations have callbacks, which this transfer may depend upon.
	 */
	if (!guest_is_hungry(&hub->guest) &&
	    transfer->remaining == queue_in_flight(hub->queue) +
					   queue_pending(hub->queue) +
					   queue_done(hub->queue))
		min = transfer->remaining;
	ret = kaio_queue_run_until(hub->queue, min, deadline, &cut);
	if (ret < 0)
		return ret;
	return cut || ret == 0 || !time_left(deadline) ? -EINPROGRESS : 0;
}

static void follow(struct hub *hub, int64_t deadline)
{
	const struct timespec until = {
		.tv_sec = (time_t)(deadline / 1000000000),
		.tv_nsec = (long)(deadline % 1000000000),
	};

	hub->followers++;
	/* A time_t of 32 bits holds 68 years: more is for ever. */
	if (deadline / 1000000000 > INT32_MAX)
		pthread_cond_wait(&hub->news, &hub->lock);
	else
		pthread_cond_timedwait(&hub->news, &hub->lock, &until);
	hub->followers--;
}

static int lead(struct hub *hub, int64_t deadline)
{
	int64_t until = now() + LEADER_NS;
	bool nested = hub->led;
	bool cut;
	int ret;

	if (until > deadline)
		until = deadline;
	hub->led = true;
	hub->leader = pthread_self();
	kaio_transfer_feed(hub);
	hub_unlock(hub);
	ret = kaio_queue_run_until(hub->queue, 1, until, &cut);
	/* The completion is in the hands of another thread. */
	if (ret == 0 && !cut)
		sched_yield();
	hub_lock(hub);
	hub->led = nested;
	if (ret < 0)
		return ret;
	return cut ? -EINPROGRESS : 0;
}

static int wait_among_threads(struct kaio_transfer *transfer, int64_t deadline)
{
	struct hub *hub = transfer->hub;
	int ret = 0;

	hub_lock(hub);
	while (ret == 0 && goes_on(transfer)) {
		if (!time_left(deadline))
			ret = -EINPROGRESS;
		else if (another_leads(hub))
			follow(hub, deadline);
		else
			ret = lead(hub, deadline);
	}
	if (!hub->led && hub->followers)
		pthread_cond_broadcast(&hub->news);
	hub_unlock(hub);
	return ret;
}

int kaio_transfer_wait(struct kaio_transfer *transfer, int64_t timeout_ns)
{
	int ret = check_posted(transfer);
	int64_t deadline;

	if (ret < 0)
		return ret;
	if (timeout_ns < KAIO_FOREVER)
		return -EINVAL;
	if (timeout_ns == 0 || !transfer_is_active(transfer))
		return kaio_transfer_test(transfer);
	deadline = deadline_after(timeout_ns);
	transfer_ref(transfer);
	if (transfer->hub->shared)
		ret = wait_among_threads(transfer, deadline);
	else
		while (ret == 0 && goes_on(transfer))
			ret = wait_alone(transfer, deadline);
	return leave(transfer, ret);
}
