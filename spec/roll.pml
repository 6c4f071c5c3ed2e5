/* A planned roll: SealAndOpen by the leader races with BeginSeal by the controller, and its answer may be lost.
 *
 * Modelled: one open segment with three replicas, a quorum of two and three PUTs of clients. The leader may want to
 * roll at any time, settles or (when its segment has failed) cuts at commit, and proposes up to twice; each proposal
 * may be applied late, or never. The controller may suspect the leader at any time, and fence and seal. The leader
 * may die, and learns late of everything. GET's cursor is handed on. The next leader opens when the segment is sealed
 * and takes what clients held.
 *
 * Abstracted away: how a replica becomes durable and its ack comes back (one step), the recovery of the end (recover
 * is one step; fence_and_seal), the replicas of the next segment, retries after "outcome unknown" (producer_dedup),
 * the cursor after a failover (only a planned roll hands on the exact one).
 *
 * Asserted: I1 I2 I3 I5 I7 I11 L1 SILENT
 * I11 of a planned roll: the next leader's cursor stands where GET left it. SILENT: no client hears of a planned
 * roll.
 * States: 232,680
 * Finite: PUTS=2
 *
 * Mutants:
 *   RESUMES_WHEN_UNKNOWN      I3      the leader takes PUTs again while the fate of its proposal is unknown
 *   RESUMES_AFTER_CONFLICT    I3      the leader takes PUTs again because its second proposal was refused
 *   ACKS_AFTER_CUT            I3      what lay beyond the cut is still acknowledged
 *   COMMIT_MOVES_AFTER_CUT    I5      acks that come late move commit past the proposed end, and readers follow
 *   END_BEYOND_COMMIT         I1      the leader proposes its own end instead of commit
 *   CAS_WITHOUT_SEGMENT       I1      SealAndOpen seals whichever segment is the topic's last
 *   BEGIN_SEAL_IGNORES_STATE  I2      BeginSeal is taken for a sealed segment
 *   NEXT_OPENS_EARLY          I7      the next leader starts when the roll is proposed
 *   CURSOR_NOT_FROZEN         I11     GETs go on while the proposal carries a position
 *   PENDING_ARE_REFUSED       SILENT  a roll answers what is not committed yet as unknown
 *   NOBODY_SUSPECTS           L1      the controller does not seal for a leader that is gone
 */
#include "holds.h"

#ifndef PUTS
#define PUTS 3
#endif
#define REPLICAS 3
#define QUORUM 2
#define PROPOSALS 2

mtype = { ACCEPTING, SETTLING, PROPOSING, STOPPED };
mtype = { NOT_MADE, UNDER_WAY, OVER };

byte held = PUTS;             /* PUTs that wait for a leader */
byte written;                 /* records in the segment, from its base */
byte durable[REPLICAS];
bool fenced[REPLICAS];

mtype phase = ACCEPTING;      /* the leader */
byte committed;               /* commit, below which readers read */
byte acknowledged;            /* PUTs answered with OK */
byte unknown;                 /* PUTs answered with "outcome unknown" */
byte cursor;                  /* the next record that GET hands out */
byte seen;                    /* some reader has seen the records below */
bool disturbed;               /* a failed segment, a dead leader or a suspicion: not just a planned roll */

mtype proposal[PROPOSALS] = NOT_MADE;
byte proposed_end[PROPOSALS];
byte proposed_cursor[PROPOSALS];

bool sealing;                 /* metadata: BeginSeal was applied */
bool sealed;
byte sealed_end;
bool rolled;                  /* by the leader itself, with the cursor */
byte next_cursor;
byte next_acknowledged;       /* PUTs answered with OK by the next leader */

#define NUMBER(r0, r1, r2) (((r0) -> 1 : 0) + ((r1) -> 1 : 0) + ((r2) -> 1 : 0))
#define DURABLE_TO(n) NUMBER(durable[0] >= n, durable[1] >= n, durable[2] >= n)
#define FENCED NUMBER(fenced[0], fenced[1], fenced[2])
#define PENDING (written - acknowledged - unknown)

/* The leader gives a PUT its place.
   implemented by: broker/topic_leader.cc, append() */
inline take_put() {
  atomic {
    phase == ACCEPTING && held > 0 ->
    held--;
    written++
  }
}

/* A replica, the leader's own among them, has one more record on its disk. The leader knows when it looks.
   implemented by: storage/wal_writer.cc, deliver(); replication/segment_follower.cc, on_durable() */
inline replicate(r) {
  atomic {
    durable[r] < written && !fenced[r] ->
    durable[r]++
  }
}

#ifdef ACKS_AFTER_CUT
#define COMMITS (phase != STOPPED)
#define HAS_WAITER (acknowledged < written)
#else
#ifdef COMMIT_MOVES_AFTER_CUT
#define COMMITS (phase != STOPPED)
#else
#define COMMITS (phase == ACCEPTING || (phase == SETTLING && unknown == 0))
#endif
#define HAS_WAITER (PENDING > 0)
#endif

/* Commit covers one more record. Whoever waits for it hears OK; nobody does once it was answered as unknown.
   implemented by: replication/segment_leader.cc, on_durable(), on_ack(), release_committed() */
inline commit() {
  atomic {
    COMMITS && committed < written && DURABLE_TO(committed + 1) >= QUORUM ->
    committed++;
    if
    :: HAS_WAITER ->
       acknowledged++;
       HOLDS(I3, !sealed || committed <= sealed_end)
    :: else
    fi
  }
}

/* Any node may serve what it knows to be committed.
   implemented by: replication/segment_leader.cc, read() */
inline read() {
  atomic {
    seen < committed && phase != STOPPED ->
    seen = committed;
    HOLDS(I5, !sealed || seen <= sealed_end)
  }
}

#ifdef CURSOR_NOT_FROZEN
#define HANDS_OUT (phase != STOPPED)
#else
#define HANDS_OUT (phase == ACCEPTING || phase == SETTLING)
#endif

/* A GET. The cursor stands still from the proposal on.
   implemented by: broker/shared_cursor.cc, take(), freeze() */
inline take_by_cursor() {
  atomic {
    HANDS_OUT && cursor < committed ->
    cursor++;
    HOLDS(I11, !rolled || cursor <= next_cursor)
  }
}

/* Full, aged, drained or a bad follower.
   implemented by: broker/topic_roll.cc, start_roll() */
inline start_roll() {
  atomic {
    phase == ACCEPTING -> phase = SETTLING
  }
}

/* The segment has failed and cannot settle: what is not committed is answered as unknown, commit stands still.
   implemented by: replication/segment_leader.cc, end_for_good(); broker/topic_roll.cc, advance() */
inline cut_at_commit() {
  atomic {
    phase == SETTLING && PENDING > 0 ->
    unknown = unknown + PENDING;
#ifndef PENDING_ARE_REFUSED
    disturbed = true
#endif
  }
}

#ifdef END_BEYOND_COMMIT
#define SETTLED true
#define END_TO_PROPOSE written
#else
#define SETTLED (PENDING == 0)
#define END_TO_PROPOSE committed
#endif

/* Proposes; again when the answer is late, lost or an error.
   implemented by: broker/topic_roll.cc, advance(), propose_seal() */
inline propose_seal(n) {
  atomic {
    proposal[n] == NOT_MADE && ((n == 0 && phase == SETTLING && SETTLED) || (n == 1 && phase == PROPOSING)) ->
    phase = PROPOSING;
    proposal[n] = UNDER_WAY;
    proposed_end[n] = END_TO_PROPOSE;
    proposed_cursor[n] = cursor
  }
}

/* SealAndOpen is applied: a compare-and-set on the segment, its epoch and OPEN.
   implemented by: metadata/cluster_segments.cc, seal_and_open() */
inline apply_seal_and_open(n) {
  atomic {
    proposal[n] == UNDER_WAY ->
    proposal[n] = OVER;
    if
    :: !sealed && !sealing ->
       sealed = true;
       rolled = true;
       sealed_end = proposed_end[n];
       next_cursor = proposed_cursor[n];
       HOLDS(I1, acknowledged <= sealed_end && DURABLE_TO(sealed_end) >= QUORUM);
       HOLDS(I5, seen <= sealed_end);
       HOLDS(I11, cursor <= next_cursor)
#ifdef CAS_WITHOUT_SEGMENT
    :: sealed -> HOLDS(I1, sealed_end + next_acknowledged <= proposed_end[n]) /* cuts the next segment */
#endif
    :: else ->
#ifdef RESUMES_AFTER_CONFLICT
       if :: phase == PROPOSING -> phase = ACCEPTING :: else fi
#else
       skip
#endif
    fi
  }
}

/* The environment: a proposal does not get into the Raft log. */
inline lose_proposal(n) {
  atomic {
    proposal[n] == UNDER_WAY -> proposal[n] = OVER
  }
}

#ifdef BEGIN_SEAL_IGNORES_STATE
#define MAY_BEGIN_SEAL true
#else
#define MAY_BEGIN_SEAL (!sealed)
#endif

/* The controller suspects the leader, rightly or not. A compare-and-set, too: the segment must not be sealed.
   implemented by: controller/planner.cc, plan_seals(); metadata/cluster_segments.cc, begin_seal() */
inline begin_seal() {
  atomic {
    !sealing && MAY_BEGIN_SEAL ->
    sealing = true;
    disturbed = true
  }
}

/* implemented by: replication/replica_table.cc, fence(); replication/segment_follower.cc, fence() */
inline handle_fence(r) {
  atomic {
    sealing && !fenced[r] -> fenced[r] = true
  }
}

#define LARGEST(r, other) (fenced[r] && (!fenced[other] || durable[r] >= durable[other]))

/* Steps 3 to 5 in one: the largest end of E-Q+1 fenced replicas, on a quorum, is the end.
   implemented by: replication/segment_recovery.cc, decide_end(), count_holders();
                   metadata/cluster_segments.cc, complete_seal_and_open() */
inline recover(best) {
  atomic {
    sealing && FENCED >= REPLICAS - QUORUM + 1 ->
    sealing = false;
    if
    :: LARGEST(0, 1) && LARGEST(0, 2) -> best = 0
    :: LARGEST(1, 0) && LARGEST(1, 2) -> best = 1
    :: LARGEST(2, 0) && LARGEST(2, 1) -> best = 2
    fi;
    HOLDS(I2, !sealed || sealed_end == durable[best]);
    sealed = true;
    sealed_end = durable[best];
    best = 0;
    HOLDS(I1, acknowledged <= sealed_end);
    HOLDS(I5, seen <= sealed_end)
  }
}

/* The environment: the leader dies. The commands that it has sent live on. After a restart it does not lead. */
inline crash() {
  atomic {
    phase != STOPPED ->
    phase = STOPPED;
    unknown = unknown + PENDING;
    disturbed = true
  }
}

/* The leader learns that another segment has taken over, or will: it stops for good.
   implemented by: broker/topic_roll.cc, retire(); broker/leader_table.cc, follow() */
inline retire() {
  atomic {
    phase != STOPPED && (sealed || sealing) ->
    phase = STOPPED;
    unknown = unknown + PENDING
  }
}

#ifdef NEXT_OPENS_EARLY
#define NEXT_IS_OPEN (sealed || phase == PROPOSING)
#else
#define NEXT_IS_OPEN sealed
#endif

/* The next leader stores a PUT that was held, or comes now.
   implemented by: broker/put_queue.cc, send_refused_again(); broker/leader_table.cc, find() */
inline next_takes_put() {
  atomic {
    NEXT_IS_OPEN && held > 0 ->
    held--;
    next_acknowledged++;
    HOLDS(I7, sealed)
  }
}

active proctype Controller() {
  byte best;
  do
#ifndef NOBODY_SUSPECTS
  :: begin_seal()
#endif
  :: recover(best)
  :: next_takes_put()
  :: timeout ->
     HOLDS(L1, sealed && held == 0 && acknowledged + unknown + next_acknowledged == PUTS);
     HOLDS(SILENT, disturbed || unknown == 0);
     break
  od
}

active [REPLICAS] proctype Replica() {
  byte r = _pid - 1;
end_idle:
  do
  :: replicate(r)
  :: handle_fence(r)
  od
}

active proctype Leader() {
end_idle:
  do
  :: take_put()
  :: commit()
  :: read()
  :: take_by_cursor()
  :: start_roll()
  :: cut_at_commit()
  :: propose_seal(0)
  :: propose_seal(1)
#ifdef RESUMES_WHEN_UNKNOWN
  :: atomic { phase == PROPOSING -> phase = ACCEPTING } /* its patience is over */
#endif
  :: crash()
  :: retire()
  od
}

active proctype Metadata() {
end_idle:
  do
  :: apply_seal_and_open(0)
  :: apply_seal_and_open(1)
  :: lose_proposal(0)
  :: lose_proposal(1)
  od
}
