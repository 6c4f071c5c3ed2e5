/* A segment loses its leader, or only seems to: steps 2 to 5 of "Leader lost".
 *
 * Modelled: one leader that is a replica itself, three replicas, a quorum of two, three records. Appends and acks may
 * be late for ever, also past the fence and the seal (a paused leader, a one-way cut, a fence that reaches one
 * replica only). Two crashes of a process, and one disk that is lost. A crash leaves any part of the unsynced bytes
 * on the disk, also of those that the fence dropped. One recoverer fences, chooses the end, copies and seals; when
 * the only copy of the end that it chose is gone, it starts again.
 *
 * Abstracted away: contents (one life of one leader writes a segment: leader_restart), epochs (two_recoverers),
 * Raft (complete_seal is the applied command), the next segment (roll, producer_dedup), late replicas
 * (two_recoverers). A suspect replica is one whose disk is lost: both answer for nothing.
 *
 * Asserted: I1 I3 I8 I9 L1
 * States: 1,027,465
 * Finite: RECORDS=2 CRASHES=1
 *
 * Mutants:
 *   SYNC_AFTER_FENCE     I1 I3  a replica syncs and acks what was pending after it has answered the fence
 *   FENCE_NOT_PERSISTED  I1 I3  a crash forgets the promise
 *   END_IS_SMALLEST      I1     the end is the smallest durable end of the answers
 *   ACK_BEFORE_FSYNC     I1 I9  a follower acks what it has received
 *   ONE_ANSWER           I1     the recoverer waits for one answer only
 *   NO_COPY              I8     the seal lists the fenced replicas without a copy
 *   OLD_IDENTITY         I1 I9  a wiped disk comes back as the replica that it was
 *   NEVER_STARTS_AGAIN   L1     the recoverer waits for the disk that had the end
 */
#include "holds.h"

#ifndef RECORDS
#define RECORDS 3
#endif
#define REPLICAS 3
#define QUORUM 2
#ifndef CRASHES
#define CRASHES 2
#endif
#define LEADER 0

byte written;             /* records that the leader has given an offset and sent to everybody */
byte received[REPLICAS];  /* end of the replica's log, on its disk or not */
byte durable[REPLICAS];   /* its durable end */
byte acked[REPLICAS];     /* the cumulative ack that it has sent; the leader may get it at any time, or never */
byte committed;           /* producers have their OK for the records below */
bool leader_down;

bool promised[REPLICAS];  /* on disk: nothing of the old epoch is taken any more */
bool lost[REPLICAS];      /* the disk is gone, or suspect */

bool answered[REPLICAS];  /* the recoverer has the answer to its fence */
byte answers;
bool decided;             /* enough answers: the end is chosen */
byte end;                 /* the chosen end; while not decided, what the answers so far make it */
bool sealed;
bool listed[REPLICAS];    /* the holders that CompleteSealAndOpen names */
byte crashes;
bool wiped;                /* one disk at most: E-Q */

#define NUMBER(r0, r1, r2) (((r0) -> 1 : 0) + ((r1) -> 1 : 0) + ((r2) -> 1 : 0))
#define ACKED_ABOVE(n) NUMBER(acked[0] > n, acked[1] > n, acked[2] > n)
#define KEEPS_ACKNOWLEDGED(r) (durable[r] >= committed || lost[r])
#define FENCED_HOLDER(r) (answered[r] && !lost[r] && durable[r] >= end)
#define FENCED_HOLDERS NUMBER(FENCED_HOLDER(0), FENCED_HOLDER(1), FENCED_HOLDER(2))
#define LISTED_HOLDS(r) (!listed[r] || durable[r] >= end)

/* The leader gives a record its offset, and its own log and every follower the record.
   implemented by: replication/segment_leader.cc, append() */
inline append() {
  atomic {
    !leader_down && !promised[LEADER] && written < RECORDS ->
    written++;
    received[LEADER] = written
  }
}

#ifdef ACK_BEFORE_FSYNC
#define ACK_ON_RECEIPT(r) acked[r] = received[r]
#else
#define ACK_ON_RECEIPT(r) skip
#endif

/* A follower takes the record that comes next. FENCED when it has promised, GAP(end) when it is another record: the
   guard. implemented by: replication/segment_follower.cc, replicate() */
inline handle_append(r) {
  atomic {
    r != LEADER && !promised[r] && !lost[r] && received[r] < written ->
    received[r]++;
    ACK_ON_RECEIPT(r)
  }
}

#ifdef SYNC_AFTER_FENCE
#define MAY_SYNC(r) true
#else
#define MAY_SYNC(r) (!promised[r])
#endif

/* A group commit has reached the disk; the ack goes out. The leader acks to itself in the same way.
   implemented by: storage/wal_writer.cc, deliver(); replication/segment_follower.cc, on_durable() */
inline sync(r) {
  atomic {
    durable[r] < received[r] && !lost[r] && MAY_SYNC(r) ->
    durable[r] = received[r];
    acked[r] = durable[r]
  }
}

/* The leader has got some of the acks that were sent; commit covers one more record and its producer hears OK.
   implemented by: replication/quorum.cc, advance(); replication/segment_leader.cc, release_committed() */
inline commit() {
  atomic {
    !leader_down && ACKED_ABOVE(committed) >= QUORUM ->
    committed++;
    HOLDS(I3, !sealed || committed <= end)
  }
}

/* Syncs or drops what is pending, persists the promise, in one step. What was dropped may be on the disk all the same.
   implemented by: replication/replica_table.cc, fence(); replication/segment_follower.cc, fence(), settle_fences();
                   storage/local_segment.cc, promise() */
inline handle_fence(r) {
  atomic {
    !promised[r] && !lost[r] ->
    promised[r] = true;
#ifndef SYNC_AFTER_FENCE
    if
    :: durable[r] = received[r]; acked[r] = durable[r]
    :: durable[r] < received[r]
    fi
#endif
  }
}

#ifdef ONE_ANSWER
#define ANSWERS_NEEDED 1
#else
#define ANSWERS_NEEDED (REPLICAS - QUORUM + 1)
#endif

#ifdef END_IS_SMALLEST
#define DECIDES_END(r) (answers == 1 || durable[r] < end)
#else
#define DECIDES_END(r) (durable[r] > end)
#endif

/* The recoverer gets the answer of a fenced replica. One that comes after the end was chosen only says whom to copy to.
   implemented by: replication/segment_recovery.cc, on_fenced(), decide_end() */
inline collect_answer(r) {
  atomic {
    !sealed && promised[r] && !answered[r] && !lost[r] ->
    answered[r] = true;
    if
    :: decided
    :: else ->
       answers++;
       if :: DECIDES_END(r) -> end = durable[r] :: else fi;
       decided = (answers >= ANSWERS_NEEDED)
    fi
  }
}

/* A fenced replica gets what it lacks below the end, from one that has it, and has synced it.
   implemented by: replication/segment_recovery.cc, copy_missing(), spread() */
inline copy_tail(r) {
  atomic {
    decided && !sealed && answered[r] && !lost[r] && durable[r] < end && FENCED_HOLDERS > 0 ->
    durable[r] = end;
    if :: received[r] < end -> received[r] = end :: else fi
  }
}

#ifdef NEVER_STARTS_AGAIN
#define MAY_START_AGAIN false
#else
#define MAY_START_AGAIN true
#endif

/* No fenced replica has the chosen end any more. What nobody else has was not acknowledged: ask the others anew.
   implemented by: controller/takeover.cc, on_recovered(), try_again() */
inline start_again() {
  atomic {
    decided && !sealed && FENCED_HOLDERS == 0 && MAY_START_AGAIN ->
    answered[0] = false;
    answered[1] = false;
    answered[2] = false;
    answers = 0;
    decided = false;
    end = 0
  }
}

#ifdef NO_COPY
#define MAY_SEAL true
#define LIST(r) answered[r]
#else
#define MAY_SEAL (FENCED_HOLDERS >= QUORUM)
#define LIST(r) FENCED_HOLDER(r)
#endif

/* CompleteSealAndOpen is applied.
   implemented by: replication/segment_recovery.cc, count_holders(); controller/takeover.cc, propose();
                   metadata/cluster_segments.cc, complete_seal_and_open() */
inline complete_seal() {
  atomic {
    decided && !sealed && MAY_SEAL ->
    sealed = true;
    listed[0] = LIST(0);
    listed[1] = LIST(1);
    listed[2] = LIST(2);
    HOLDS(I1, committed <= end);
    HOLDS(I8, LISTED_HOLDS(0) && LISTED_HOLDS(1) && LISTED_HOLDS(2))
  }
}

/* A process dies and comes back; recovery calls durable what it finds on the disk. A restarted leader does not lead.
   implemented by: storage/recovery.cc, run() */
inline crash(r) {
  atomic {
    crashes < CRASHES && !lost[r] ->
    crashes++;
    do
    :: durable[r] < received[r] -> durable[r]++
    :: break
    od;
    received[r] = durable[r];
#ifdef FENCE_NOT_PERSISTED
    promised[r] = false;
#endif
    if :: !promised[r] && acked[r] < durable[r] -> acked[r] = durable[r] :: else fi;
    if :: r == LEADER -> leader_down = true :: else fi;
    HOLDS(I9, NUMBER(KEEPS_ACKNOWLEDGED(0), KEEPS_ACKNOWLEDGED(1), KEEPS_ACKNOWLEDGED(2)) >= QUORUM)
  }
}

/* A disk is wiped or rots. Under a new identity it is no replica of this segment.
   implemented by: metadata/cluster_nodes.cc, check_identity() */
inline lose_disk(r) {
  atomic {
    !wiped ->
    wiped = true;
    durable[r] = 0;
    received[r] = 0;
    promised[r] = false;
    if :: r == LEADER -> leader_down = true :: else fi;
#ifndef OLD_IDENTITY
    lost[r] = true;
#endif
    HOLDS(I9, NUMBER(KEEPS_ACKNOWLEDGED(0), KEEPS_ACKNOWLEDGED(1), KEEPS_ACKNOWLEDGED(2)) >= QUORUM)
  }
}

active [REPLICAS] proctype Replica() {
  byte r = _pid;
end_idle:
  do
  :: handle_append(r)
  :: sync(r)
  :: handle_fence(r)
  :: collect_answer(r)
  :: copy_tail(r)
  :: crash(r)
  :: lose_disk(r)
  od
}

active proctype Leader() {
end_idle:
  do
  :: append()
  :: commit()
  od
}

active proctype Recoverer() {
  do
  :: start_again()
  :: complete_seal()
  :: timeout -> HOLDS(L1, sealed); break
  od
}
