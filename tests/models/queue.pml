/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The shared queue: threads that push, submit, wait, run, drain, reap from an
 * event loop, wake and are cancelled, and one reaper.
 *
 * The functions here are those of lib/queue/ with the same names: queue_submit
 * (submit.h, and kaioq_submit_rest() in submit.c), collect_ready, reap, spin,
 * sleep_until_changed, cancelled, was_woken, interrupt, kaioq_await (await.c),
 * kaioq_collect_ring, kaioq_collect_kernel (collect.c), kaioq_notify,
 * wake_reaper, kaioq_arm_wakeup, kaioq_wakeup_collected,
 * kaioq_lower_eventfd (wakeup.c), queue_wait_is_over (wait.h), take_done,
 * kaio_queue_wait, kaio_queue_drain (wait.c), kaio_queue_run (run.c),
 * kaio_queue_wake (wakeup.c), kaio_queue_submit, kaio_queue_cancel.
 *
 * The process world is all else: it completes operations, lets deadlines pass,
 * cancels threads. It may become slow at any time, and does nothing then until
 * no thread can go on. What holds in such a moment, however long it lasts:
 * nobody sleeps whose wait is over or while the kernel would take what is
 * pending; if anyone sleeps on changed, a reaper is in the kernel; the eventfd
 * is readable if there is something to collect. In the end all calls have
 * returned, and each completion has been handed out once.
 *
 * Nothing that spins is modelled as such: it is a sleep that also ends when the
 * ring has an event, and by itself in a moment as above.
 *
 * A scenario is what three threads do, T0, T1 and T2, and these, undefined: off.
 *	OPS		operations pushed before the threads begin
 *	DEPTH, BATCH	of the queue; events that io_getevents returns at most
 *	REJECTS		operations that the kernel may refuse
 *	SHORTAGES	times that io_submit may be -EAGAIN with a slot free
 *	UNARMED		times that the poll may not be armed
 *	IDLE		KAIO_QUEUE_WAKE too: waits go on with nothing outstanding
 *	NO_RING		only system calls collect
 *	SPIN		spin_ns
 *	EVENTFD		KAIO_QUEUE_EVENTFD
 *	TIMED, CANCELLED masks of threads with a deadline; that may be cancelled
 * check.sh has the scenarios, and the wrong variants: search for WRONG_ here.
 */
#define THREADS 3
#define NONE 3

#ifndef OPS
#define OPS 0
#endif
#ifndef DEPTH
#define DEPTH 3
#endif
#ifndef BATCH
#define BATCH 3
#endif
#ifndef REJECTS
#define REJECTS 0
#endif
#ifndef SHORTAGES
#define SHORTAGES 0
#endif
#ifndef UNARMED
#define UNARMED 0
#endif
#ifndef TIMED
#define TIMED 0
#endif
#ifndef CANCELLED
#define CANCELLED 0
#endif
#ifdef IDLE
#define WHEN_IDLE true
#else
#define WHEN_IDLE false
#endif

/* Calls of a thread; each has three turns. */
#define NOTHING 0
#define WAIT 1		/* kaio_queue_wait(1, 1) */
#define WAIT_TWO 2	/* kaio_queue_wait(2, 2) */
#define RUN 3		/* kaio_queue_run(1) */
#define DRAIN 4
#define LOOP 5		/* kaio_queue_reap(1) whenever the eventfd is readable */
#define PUSH 6		/* and submit */
#define PUSH_ONLY 7
#define CANCEL 8	/* an operation in the backlog, if there is one */
#define WAKE 9
#define REAP 10

/* The queue. */
bool lock;
byte pending, inflight, done;
byte reaper = NONE;
bool in_kernel;
byte waiters, drains;
bool wakeup_armed, wakeup_signaled, woken;
bool eventfd_raised, eventfd_missed;

/* The kernel: operations that it has, events in the ring, and the wakeup. */
byte flying, ring;
bool poll, poll_event;
bool wakeup_fd, eventfd;
byte rejects = REJECTS, shortages = SHORTAGES, unarmed = UNARMED;

/* The threads. */
#define ON_CHANGED 1
#define SIGNALED 2
#define IN_KERNEL 3
#define RETRYING 4	/* in the kernel for RETRY_NS at most */
#define SPINNING 5
#define CALLED_BACK 6	/* a callback that takes its time */
#define ON_EVENTFD 7
byte state[THREADS];
byte min[THREADS];
bool drain[THREADS], has_taken[THREADS], tick[THREADS], expired[THREADS];
bool cancel[THREADS];

/* What the properties are about. */
byte pushed, taken, finished, kernel_waits;
bool slow;

#define busy (pending + inflight > 0)
#define is_short (pending > 0 && inflight < DEPTH)
#define is_over(i) ((drain[i] && !busy) || (!drain[i] && (done >= 1 || woken || \
	(!busy && !(WHEN_IDLE && !has_taken[i])))))

/* lib/queue/submit.h: the kernel may refuse the first pending operation. */
inline queue_submit()
{
	do
	:: pending > 0 && inflight < DEPTH -> pending--; inflight++; flying++
	:: pending > 0 && inflight < DEPTH && rejects > 0 ->
		rejects--; pending--; done++
	:: pending > 0 && inflight < DEPTH && shortages > 0 ->
		shortages--;
#ifdef EVENTFD
		eventfd_raised = true; eventfd = true;
#endif
#ifndef WRONG_SHORTAGE_NOT_TOLD
		if
		:: in_kernel -> wakeup_fd = true
		:: else
		fi;
#endif
		break
	:: !(pending > 0 && inflight < DEPTH) -> break
	od
}

inline kaioq_wakeup_collected()
{
	wakeup_armed = false;
	wakeup_fd = false
}

inline collect_all()
{
	assert(kernel_waits == 0);
	got = ring;
	done = done + ring;
	inflight = inflight - ring;
	ring = 0;
	if
	:: poll_event -> poll_event = false; kaioq_wakeup_collected()
	:: else
	fi
}

inline collect_ready(waits)
{
	got = 0;
	if
#ifndef WRONG_COLLECTS_BESIDE
	:: in_kernel
#endif
#ifdef WRONG_COLLECTS_BESIDE
	:: true -> collect_all()
#elif defined(NO_RING)
	:: !in_kernel && (waits || inflight == 0)
	:: !in_kernel && !waits && inflight > 0 -> collect_all()
#else
	:: !in_kernel -> collect_all()
#endif
	fi
}

#define signal_one() \
	if \
	:: state[0] == ON_CHANGED -> state[0] = SIGNALED \
	:: state[1] == ON_CHANGED -> state[1] = SIGNALED \
	:: state[2] == ON_CHANGED -> state[2] = SIGNALED \
	:: state[0] != ON_CHANGED && state[1] != ON_CHANGED && \
	   state[2] != ON_CHANGED \
	fi

#define signal(i) \
	if \
	:: state[i] == ON_CHANGED -> state[i] = SIGNALED \
	:: else \
	fi

/* What pthread_cond_signal() or, for all, pthread_cond_broadcast() does. */
inline wake_waiters()
{
	if
#ifndef WRONG_ONE_SIGNAL
	:: wakes && all -> signal(0); signal(1); signal(2)
	:: wakes && !all -> signal_one()
#else
	:: wakes -> signal_one()
#endif
	:: !wakes
	fi;
	wakes = false;
	all = false
}

inline wake_reaper()
{
	if
	:: wakeup_signaled
	:: !wakeup_signaled ->
		wakeup_signaled = true;
		if
#ifdef WRONG_SIGNALS_NOBODY
		:: true
#else
		:: in_kernel -> wakeup_fd = true
		:: else
#endif
		fi
	fi
}

/* Whom to wake is known then, for wake_waiters(). */
inline kaioq_notify()
{
	news = done > 0 || woken;
	all = drains > 0 || !busy;
	wakes = waiters > 0 && (news || reaper == NONE || !busy);
#ifdef WRONG_DRAIN_TAKES_NEWS
	told = wakes && news;
#else
	told = wakes && news && waiters > drains;
#endif
#ifdef EVENTFD
	if
	:: done > 0 && !eventfd_raised -> eventfd_raised = true; eventfd = true
	:: else
	fi;
#endif
	if
#ifndef WRONG_REAPER_NOT_TOLD
	:: reaper != NONE && !told ->
		if
		:: is_over(reaper) -> wake_reaper()
		:: else
		fi
#endif
	:: else
	fi;
	news = false;
	told = false
}

#define LOCK atomic { !lock -> lock = true }
#define UNLOCK lock = false

/* kaioq_leave() */
#define LEAVE atomic { kaioq_notify(); UNLOCK } atomic { wake_waiters() }

inline enter(i)
{
	!lock ->
	if
	:: cancel[i] -> goto ended
	:: else -> lock = true
	fi
}

#ifdef EVENTFD
#define queue_begin() eventfd_raised = false; eventfd = false; \
	eventfd_missed = eventfd_missed || in_kernel
#else
#define queue_begin() skip
#endif

inline sleep_until_changed(i)
{
	atomic {
#ifndef WRONG_SLEEPS_UNTOLD
		if
#ifdef WRONG_TELLS_AGAIN
		:: done > 0 -> kaioq_notify(); wake_waiters()
#else
		:: grown -> kaioq_notify(); wake_waiters()
#endif
		:: else
		fi;
#endif
		grown = false;
		waiters++;
		drains = drains + drain[i];
		state[i] = ON_CHANGED;
		UNLOCK
	}
	/* One whose time is over may take a signal from another: POSIX. */
	atomic {
		(state[i] == SIGNALED || expired[i] ||
		 (cancel[i] && !has_taken[i])) && !lock ->
		lock = true;
		state[i] = 0;
		waiters--;
		drains = drains - drain[i];
		if
		:: cancel[i] && !has_taken[i] ->
#ifndef WRONG_CANCELLED_UNTOLD
			kaioq_notify();
#endif
			UNLOCK;
			leaves = true
		:: !(cancel[i] && !has_taken[i])
		fi
	}
	if
	:: leaves -> atomic { leaves = false; wake_waiters(); goto ended }
	:: !leaves
	fi
}

inline kaioq_arm_wakeup(i)
{
	if
	:: wakeup_armed
	:: !wakeup_armed -> wakeup_armed = true; poll = true
	:: !wakeup_armed && unarmed > 0 ->
		unarmed--;
#ifndef WRONG_UNARMED_SLEEP
		state[i] = RETRYING
#endif
	fi
}

/* With min_nr 1: without the lock. */
inline kaioq_collect_kernel(i)
{
	atomic {
		state[i] = IN_KERNEL;
		if
		:: is_short -> state[i] = RETRYING
		:: else
		fi;
		kaioq_arm_wakeup(i);
		in_kernel = true;
		kernel_waits++;
		assert(kernel_waits == 1);
		UNLOCK
	}
	atomic {
		ring > 0 || poll_event || expired[i] || tick[i] ->
		if
		:: ring < BATCH -> got = ring; waked = poll_event
		:: else -> got = BATCH; waked = false
		fi;
		ring = ring - got;
		if
		:: waked -> poll_event = false
		:: else
		fi;
		tick[i] = false;
		state[i] = 0
	}
	atomic {
		!lock ->
		lock = true;
		kernel_waits--;
		in_kernel = false;
		done = done + got;
		inflight = inflight - got;
		if
		:: waked -> kaioq_wakeup_collected(); waked = false
		:: else
		fi;
#ifdef EVENTFD
		if
		:: got == BATCH && inflight > 0 ->
			eventfd_raised = true; eventfd = true
#ifndef WRONG_LOWERED_MEANWHILE
		:: got < BATCH && eventfd_missed && inflight > 0 ->
			eventfd_raised = true; eventfd = true
#endif
		:: else
		fi;
		eventfd_missed = false;
#endif
		got = 0
	}
}

/* True in found if there is something else to do. */
inline spin(i)
{
	atomic { state[i] = SPINNING; UNLOCK }
	atomic {
		(ring > 0 || wakeup_signaled || woken || expired[i] || tick[i]) &&
		!lock ->
		lock = true;
		tick[i] = false;
		state[i] = 0;
		found = ring > 0 || wakeup_signaled || is_over(i)
	}
}

inline reap(i)
{
	atomic {
		reaper = i;
		wakeup_signaled = false;
#ifndef WRONG_SLEEPERS_UNTOLD
		kaioq_notify();
		wake_waiters()
#endif
	}
	found = false;
#ifdef SPIN
	spin(i);
#endif
	if
	:: found
	:: !found -> kaioq_collect_kernel(i)
	fi;
	atomic { found = false; reaper = NONE; grown = false }
}

/* grown: whether this thread has put something into done since the last notify;
 * interrupted and is what a wait returns. With the lock. */
inline kaioq_await(i)
{
	atomic { interrupted = false; asked = false; grown = false }
	do
	:: atomic {
		was = done;
		queue_submit();
		collect_ready(true);
		grown = grown || done > was;
		was = 0;
		if
		:: is_over(i) -> got = 0; break
		:: !is_over(i) && got == 0 && expired[i] ->
			collect_ready(asked);
			interrupted = true;
			break
		:: else
		fi;
		again = got > 0;
		got = 0
	   }
	   if
	   :: again
	   :: !again && reaper != NONE -> asked = true; sleep_until_changed(i)
	   :: !again && reaper == NONE -> asked = true; reap(i)
	   fi
	od;
	atomic {
		if
		:: !interrupted && !drain[i] && done < min[i] && woken ->
			woken = false;
			collect_ready(asked);
			interrupted = true
		:: else
		fi;
		got = 0;
		asked = false;
		grown = false
	}
}

inline take_done(max)
{
	do
	:: n < max && done > 0 -> done--; n++; taken++
	:: !(n < max && done > 0) -> break
	od
}

/* Not by done, up to the event of the wakeup, wherever in the ring that is. */
inline take_ring(max)
{
#if !defined(NO_RING) && (!defined(EVENTFD) || defined(WRONG_LEFT_IN_RING))
	queue_submit();
	if
	:: in_kernel || done > 0
	:: !in_kernel && done == 0 ->
		assert(kernel_waits == 0);
		do
		:: n < max && ring > 0 -> ring--; inflight--; n++; taken++
		:: n == max || ring == 0 || poll_event -> break
		od
	fi;
	queue_submit()
#else
	skip
#endif
}

/* kaio_queue_wait(max, max, timeout) */
inline kaio_queue_wait(i, max)
{
	atomic { enter(i); queue_begin(); take_ring(max) }
	do
	:: n < max ->
	   atomic { min[i] = max - n; has_taken[i] = n > 0 }
	   kaioq_await(i);
	   atomic {
		queue_submit();
		take_done(max);
		if
		:: !interrupted && n < max &&
		   (busy || done > 0 || (WHEN_IDLE && n == 0))
		:: else -> break
		fi
	   }
	:: else -> break
	od;
	LEAVE;
	atomic { has_taken[i] = false; n = 0; interrupted = false }
}

/* kaio_queue_run(1, timeout): one round of it. */
inline kaio_queue_run(i)
{
	atomic { enter(i); queue_begin() }
	do
	:: atomic { min[i] = 1 - n; has_taken[i] = n > 0 }
	   kaioq_await(i);
	   atomic { queue_submit(); batch = done }
	   do
	   :: batch > 0 && done > 0 ->
		atomic { batch--; done--; taken++; n++ }
#ifdef WRONG_CALLS_BACK_LOCKED
		skip;
#else
		LEAVE;
#endif
		atomic { state[i] = CALLED_BACK }
		atomic { tick[i] -> tick[i] = false; state[i] = 0 }
#ifndef WRONG_CALLS_BACK_LOCKED
		LOCK
#endif
	   :: else -> break
	   od;
	   atomic {
		batch = 0;
		queue_submit();
		if
		:: !interrupted && n < 1 &&
		   (busy || done > 0 || (WHEN_IDLE && n == 0))
		:: else -> break
		fi
	   }
	od;
	LEAVE;
	atomic { has_taken[i] = false; n = 0; interrupted = false }
}

inline kaio_queue_drain(i)
{
	atomic { enter(i); drain[i] = true }
	kaioq_await(i);
	LEAVE;
	atomic { drain[i] = false; interrupted = false }
}

/* kaio_queue_wait(0, 1, 0) */
inline kaio_queue_reap(i)
{
#ifdef WRONG_LOWERED_AFTER
	atomic { enter(i); queue_submit(); collect_ready(false); got = 0 }
	queue_begin();
#else
	atomic { enter(i); queue_begin() }
	atomic { queue_submit(); collect_ready(false); got = 0 }
#endif
	atomic { queue_submit(); take_done(1) }
	LEAVE;
	n = 0
}

inline kaio_queue_push()
{
	atomic { !lock -> pending++; pushed++ }
}

inline kaio_queue_submit()
{
	LOCK;
	atomic { queue_submit() }
	LEAVE
}

inline kaio_queue_cancel()
{
	LOCK;
	atomic {
		if
		:: pending > 0 -> pending--; done++
		:: else
		fi
	}
	LEAVE
}

inline kaio_queue_wake()
{
	atomic { was = woken; woken = true }
#ifndef WRONG_WAKE_RAISES_NOTHING
	if
	:: !was -> wakeup_fd = true
	:: else
	fi;
#endif
	was = 0
}

inline call(i, what)
{
	if
	:: what == WAIT -> kaio_queue_wait(i, 1)
	:: what == WAIT_TWO -> kaio_queue_wait(i, 2)
	:: what == RUN -> kaio_queue_run(i)
	:: what == DRAIN -> kaio_queue_drain(i)
	:: what == PUSH -> kaio_queue_push(); kaio_queue_submit()
	:: what == PUSH_ONLY -> kaio_queue_push()
	:: what == CANCEL -> kaio_queue_cancel()
	:: what == WAKE -> kaio_queue_wake()
	:: what == REAP -> kaio_queue_reap(i)
	:: what == LOOP ->
		do
		:: atomic { state[i] = ON_EVENTFD }
		   atomic {
			eventfd || tick[i] ->
			state[i] = 0;
			if
			:: tick[i] -> tick[i] = false; break
			:: else
			fi
		   }
		   kaio_queue_reap(i)
		od
	:: what == NOTHING
	fi
}

proctype thread(byte i, first, second, third)
{
	byte turn, what, n, batch, got, was;
	bool news, told, wakes, all, waked, found, interrupted, asked, grown, again, leaves;

	do
	:: turn < 3 ->
		what = (turn == 0 -> first : (turn == 1 -> second : third));
		call(i, what);
		turn++
	:: else -> break
	od;
ended:
	atomic { finished++; state[i] = 0 }
}

/* The poll of the wakeup's eventfd. */
active proctype wakeup()
{
end:	do
	:: atomic { poll && wakeup_fd -> poll = false; poll_event = true }
	od
}

#define sleeps(i) (state[i] == ON_CHANGED || state[i] == IN_KERNEL || \
	state[i] == SPINNING)
#define looks_soon(i) (state[i] == RETRYING || state[i] == SPINNING)

/* A reaper that retries looks by itself: nobody has to tell it. */
inline check()
{
	assert(!lock);
	assert(waiters == 0 || in_kernel || state[reaper] == SPINNING);
	if
	:: reaper != NONE ->
		assert(!is_short || looks_soon(reaper));
		if
		:: state[reaper] != RETRYING ->
			assert(!(sleeps(0) && is_over(0)));
			assert(!(sleeps(1) && is_over(1)));
			assert(!(sleeps(2) && is_over(2)))
		:: else
		fi
	:: else
	fi;
#ifdef EVENTFD
	assert(eventfd || (done == 0 && ring == 0 && !is_short))
#endif
}

inline complete()
{
	flying--;
	ring++;
#ifdef EVENTFD
	eventfd = true	/* by the operation's resfd */
#endif
}

#define has(mask, i) (((mask) >> i) & 1)
#define may_expire(i) (has(TIMED, i) && !expired[i])
#define may_cancel(i) (has(CANCELLED, i) && !cancel[i])
#define may_tick(i) (!tick[i] && (state[i] == CALLED_BACK || looks_soon(i)))

/* Something happens at last. */
inline go_on()
{
	if
	:: flying > 0 -> complete()
	:: may_expire(0) -> expired[0] = true
	:: may_expire(1) -> expired[1] = true
	:: may_expire(2) -> expired[2] = true
	:: may_cancel(0) -> cancel[0] = true
	:: may_cancel(1) -> cancel[1] = true
	:: may_cancel(2) -> cancel[2] = true
	:: may_tick(0) -> tick[0] = true
	:: may_tick(1) -> tick[1] = true
	:: may_tick(2) -> tick[2] = true
	:: else ->
		/* Nothing is to come but the ends of event loops. */
		tick[0] = state[0] == ON_EVENTFD;
		tick[1] = state[1] == ON_EVENTFD;
		tick[2] = state[2] == ON_EVENTFD;
		assert(finished + tick[0] + tick[1] + tick[2] == THREADS)
	fi
}

active proctype world()
{
	atomic {
		pending = OPS;
		pushed = OPS;
		run thread(0, T0);
		run thread(1, T1);
		run thread(2, T2)
	}
	do
	:: atomic {
		if
		:: !slow && flying > 0 -> complete()
		:: !slow && may_expire(0) -> expired[0] = true
		:: !slow && may_expire(1) -> expired[1] = true
		:: !slow && may_expire(2) -> expired[2] = true
		:: !slow && may_cancel(0) -> cancel[0] = true
		:: !slow && may_cancel(1) -> cancel[1] = true
		:: !slow && may_cancel(2) -> cancel[2] = true
		:: !slow -> slow = true
		:: timeout ->
			check();
			slow = false;
			if
			:: finished == THREADS -> break
			:: else -> go_on()
			fi
		fi
	   }
#ifdef LIVE
progress:  skip
#endif
	od;
	assert(taken + done + ring + flying + pending == pushed);
	assert(inflight == ring + flying);
	assert(waiters == 0 && drains == 0 && reaper == NONE && !in_kernel)
}
