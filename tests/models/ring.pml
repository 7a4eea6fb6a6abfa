/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ring between the kernel and its reapers, on a processor that makes stores
 * visible out of order and loads early where no barrier forbids it.
 *
 *	here		stands for
 *	kernel		aio_complete(), user_refill_reqs_available() in fs/aio.c
 *	peek, advance	kaio_ring_peek(), kaio_ring_advance(); the same loads and
 *			stores in kaio_ring_reap(), and in reap() and decide() of
 *			lib/libaio/collect.c
 *	lock		kaio_queue's, or a context's of lib/libaio/registry.c
 *
 * Each event carries the number of its operation. All must be collected, once
 * each and in order; every slot that is read must be in the ring.
 *
 * Right: nothing defined; LOCKED, two reapers with one lock. Wrong:
 *	WRONG_NO_WMB		the kernel's tail may be visible before its event
 *	WRONG_NO_ACQUIRE	the reaper may load the event before the tail
 *	WRONG_NO_RELEASE	the reaper's head may be visible before it has read
 *	WRONG_NO_WRAP		the run is not cut where the ring ends
 *	WRONG_UNLOCKED	two reapers, no lock
 *	WRONG_CAS		two reapers, no lock, compare-and-swap on head
 */
#define NR 3	/* events in the ring: one slot less for operations */
#define OPS 7	/* more than two laps */

byte event[NR];
byte head, tail;

/* Stores that only the processor which made them sees yet. */
bool event_stored, tail_stored, head_stored;
byte event_slot, event_value, tail_value, head_value;

byte collected;
bool locked;

/* Each of the three places by itself, in any order. */
active proctype memory()
{
end:	do
	:: d_step { event_stored ->
		event[event_slot] = event_value; event_stored = false }
	:: d_step { tail_stored ->
		tail = tail_value; tail_stored = false }
	:: d_step { head_stored ->
		head = head_value; head_stored = false }
	od
}

active proctype kernel()
{
	byte op = 0;
	byte at = 0;	/* its own tail */

	do
	:: op == OPS -> break
	/* No overflow check: an operation was accepted if a slot was free. */
	:: op < OPS && (at + 1) % NR != head ->
		op++;
		atomic { !event_stored ->
			event_stored = true; event_slot = at; event_value = op }
#ifndef WRONG_NO_WMB
		!event_stored;	/* smp_wmb() */
#endif
		at = (at + 1) % NR;
		atomic { !tail_stored -> tail_stored = true; tail_value = at }
	od
}

#if defined(LOCKED)
#define LOCK atomic { !locked -> locked = true }
#define UNLOCK locked = false
#else
#define LOCK skip
#define UNLOCK skip
#endif

/* A reaper sees its own store, or with the lock the last reaper's. */
#define HEAD (head_stored -> head_value : head)

inline peek()
{
	nr = 0;
	h = HEAD;
	t = tail;
	if
	:: h < t -> nr = t - h
#ifdef WRONG_NO_WRAP
	:: h > t -> nr = NR - h + t
#else
	:: h > t -> nr = NR - h
#endif
	:: else
	fi
}

inline copy()
{
	i = 0;
	do
	:: i < nr ->
		assert(h + i < NR);
		if
		:: early && i == 0
		:: else -> value = event[h + i]
		fi;
		collected++;
		assert(value == collected);
		i++
	:: else -> break
	od
}

inline advance()
{
	next = h + nr;
	if
	:: next >= NR -> next = next - NR
	:: else
	fi;
#ifdef WRONG_CAS
	/* A retry would look at the ring again, as the next turn does. */
	d_step {
		if
		:: HEAD == h -> head = next; taken = nr
		:: else -> taken = 0
		fi
	}
#else
	/* The store before it is to the same place, and is seen before. */
	atomic { !head_stored -> head_stored = true; head_value = next }
#endif
}

#if defined(LOCKED) || defined(WRONG_UNLOCKED) || defined(WRONG_CAS)
#define REAPERS 2
#else
#define REAPERS 1
#endif

active [REAPERS] proctype reaper()
{
	byte h, t, nr, i, value, next;
	bool early;
#ifdef WRONG_CAS
	byte taken;
	byte values[NR];
#endif

	do
	:: collected == OPS -> break
	:: collected < OPS ->
#ifdef WRONG_NO_ACQUIRE
		if
		:: value = event[HEAD]; early = true
		:: early = false
		fi;
#endif
		/* Until it sees one: before, it would only look again. */
		HEAD != tail || collected == OPS;
		LOCK;
		peek();
#if defined(WRONG_NO_RELEASE)
		advance();
		copy();
#elif defined(WRONG_CAS)
		i = 0;
		do
		:: i < nr -> values[i] = event[h + i]; i++
		:: else -> break
		od;
		advance();
		i = 0;
		atomic {
			do
			:: i < taken ->
				collected++;
				assert(values[i] == collected);
				i++
			:: else -> break
			od
		}
#else
		copy();
		advance();
#endif
		UNLOCK
	od
}
