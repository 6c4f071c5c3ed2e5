/* The leader of an open segment crashes and comes back before anybody has missed it: may it lead on in its epoch?
 *
 * Modelled: one leader that is a replica itself, three replicas, a quorum of two, two records, each with the life of the
 * leader that has written it. The leader's log holds the promise of its own epoch before any record; a crash leaves any
 * part of what was not synced. A restarted leader that finds its promise does not lead (the segment is sealed:
 * fence_and_seal); one that finds none begins anew, and may put another record where an earlier life had put one. A
 * follower that stands behind a gap is sent what lies behind its own end, whatever it has before that.
 *
 * Abstracted away: fences and the seal (fence_and_seal), lost disks, the comparison of hashes at a gap, which finds a
 * part of what goes wrong in the mutants, but not all of it.
 *
 * Asserted: I1 I4
 * States: 6,234
 *
 * Mutants:
 *   SENDS_BEFORE_PROMISE  I1 I4  followers get records that the leader's next life knows nothing of
 *   LEADS_ON              I4     a restarted leader that finds its promise leads on
 */
#include "holds.h"

#ifndef RECORDS
#define RECORDS 2
#endif
#define REPLICAS 3
#define QUORUM 2
#ifndef CRASHES
#define CRASHES 3
#endif
#define LEADER 0

byte life;                         /* of the leader */
bool leading;
bool promised;                     /* the promise of its own epoch is durable */
byte content[6];                   /* of replica r at offset o: the life that wrote it; at r * RECORDS + o */
byte received[REPLICAS];           /* end of the replica's log, on its disk or not */
byte durable[REPLICAS];
byte committed;                    /* producers have their OK for the records below */
byte acknowledged[RECORDS];        /* the life of each */
byte crashes;

#define AT(r, o) content[(r) * RECORDS + (o)]
#define NUMBER(r0, r1, r2) (((r0) -> 1 : 0) + ((r1) -> 1 : 0) + ((r2) -> 1 : 0))
#define DURABLE_ABOVE(n) NUMBER(durable[0] > n, durable[1] > n, durable[2] > n)
#define HAS(r, o) (durable[r] > o && AT(r, o) == acknowledged[o])
#define HOLDERS(o) NUMBER(HAS(0, o), HAS(1, o), HAS(2, o))
#define SAME(a, b, o) (received[a] <= o || received[b] <= o || AT(a, o) == AT(b, o))
#define COPIES_ARE_EQUAL(o) (SAME(0, 1, o) && SAME(0, 2, o) && SAME(1, 2, o))

inline check_copies() {
  HOLDS(I4, COPIES_ARE_EQUAL(0) && COPIES_ARE_EQUAL(1));
  HOLDS(I1, (committed < 1 || HOLDERS(0) >= QUORUM) && (committed < 2 || HOLDERS(1) >= QUORUM))
}

#ifdef LEADS_ON
#define MAY_LEAD true
#else
#define MAY_LEAD (!promised)
#endif

/* A node that the metadata calls the leader opens the segment.
   implemented by: broker/topic_leader.cc, open() */
inline begin_to_lead() {
  atomic {
    !leading && MAY_LEAD && life <= CRASHES ->
    life++;
    leading = true
  }
}

/* The promise has reached the disk: links to followers open, and commit may be told.
   implemented by: replication/segment_leader.cc, promise_own_epoch(); replication/follower_link.cc, open() */
inline promise() {
  atomic {
    leading && !promised ->
    promised = true
  }
}

/* implemented by: replication/segment_leader.cc, append() */
inline append() {
  atomic {
    leading && received[LEADER] < RECORDS ->
    AT(LEADER, received[LEADER]) = life;
    received[LEADER]++;
    check_copies()
  }
}

#ifdef SENDS_BEFORE_PROMISE
#define MAY_SEND true
#else
#define MAY_SEND promised
#endif

/* The follower gets the record behind its end.
   implemented by: replication/follower_link.cc, pump(); replication/segment_follower.cc, replicate() */
inline replicate(r) {
  atomic {
    leading && MAY_SEND && r != LEADER && received[r] < received[LEADER] ->
    AT(r, received[r]) = AT(LEADER, received[r]);
    received[r]++;
    check_copies()
  }
}

/* A group commit has reached the disk. In the leader's log the promise comes first.
   implemented by: storage/wal_writer.cc, deliver() */
inline sync(r) {
  atomic {
    durable[r] < received[r] && (r != LEADER || promised) ->
    durable[r] = received[r]
  }
}

/* implemented by: replication/quorum.cc, advance(); replication/segment_leader.cc, release_committed() */
inline commit() {
  atomic {
    leading && promised && received[LEADER] > committed && DURABLE_ABOVE(committed) >= QUORUM ->
    acknowledged[committed] = AT(LEADER, committed);
    committed++;
    check_copies()
  }
}

/* A process dies and comes back with a part of what was not synced: of the leader's log the promise, then records.
   implemented by: storage/recovery.cc, run() */
inline crash(r) {
  atomic {
    crashes < CRASHES ->
    crashes++;
    if
    :: r == LEADER && leading && !promised -> promised = true
    :: true
    fi;
    do
    :: durable[r] < received[r] && (r != LEADER || promised) -> durable[r]++
    :: break
    od;
    received[r] = durable[r];
    if :: r == LEADER -> leading = false :: else fi
  }
}

active [REPLICAS] proctype Replica() {
  byte r = _pid;
end_idle:
  do
  :: replicate(r)
  :: sync(r)
  :: crash(r)
  od
}

active proctype Leader() {
end_idle:
  do
  :: begin_to_lead()
  :: promise()
  :: append()
  :: commit()
  od
}
