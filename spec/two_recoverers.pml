/* Two recoverers race for one segment: the controller gave up on the first, which may be alive, and named another
 * with a higher epoch.
 *
 * Modelled: three replicas, a quorum of two, two records, a leader (epoch 0) that learns of nothing but its own
 * fence, recoverers with the epochs 1 and 2. Fences, answers, copies and proposals may be late for ever, fences and
 * answers also lost. The first recoverer may die, one replica may be away until the segment is sealed, one process
 * may crash. The seal reaches each replica late: then it cuts its copy or is refilled, and is a listed holder from
 * then on.
 *
 * Abstracted away: contents (copies differ in length only), lost disks and the choice to start again
 * (fence_and_seal), the Raft log (complete_seal is the applied command).
 *
 * Asserted: I1 I2 I3 I8 L1
 * I8 of each replica that knows the seal: it has exactly [base, end), for ever. I1 and I3 of both recoverers' ends.
 * States: 2,710,090
 * Finite: RECORDS=1 CRASHES=0
 *
 * Mutants:
 *   KEEPS_COPYING         I8     a replica takes a copy from a recoverer after it has promised a higher epoch
 *   LOWER_FENCE_ANSWERED  I8     a replica answers a fence with a lower epoch than its promise
 *   SAME_EPOCH            I8     the second recoverer fences with the epoch of the first
 *   CAS_WITHOUT_EPOCH     I8     CompleteSealAndOpen compares the segment's state, but not the epoch of its BeginSeal
 *   CAS_WITHOUT_STATE     I2     CompleteSealAndOpen compares neither
 *   SEAL_IS_NO_PROMISE    I8     a late replica cuts its copy and does not take the seal's epoch as its promise
 *   ONE_ANSWER            I1 I3  a recoverer waits for one answer only
 *   NO_COPY               I1     a recoverer seals without a copy
 *   NO_SECOND             L1     nobody is named when the first recoverer dies
 */
#include "holds.h"

#ifndef RECORDS
#define RECORDS 2
#endif
#define REPLICAS 3
#define QUORUM 2
#ifndef CRASHES
#define CRASHES 1
#endif
#define LEADER 0

byte written;             /* as in fence_and_seal */
byte received[REPLICAS];
byte durable[REPLICAS];
byte acked[REPLICAS];
byte committed;
bool leader_down;
byte crashes;

byte promise[REPLICAS];   /* the highest epoch that a fence was answered for; on disk */
bool adopted[REPLICAS];   /* knows the seal and has exactly what was sealed */
byte away;                /* this replica hears nothing before the segment is sealed; REPLICAS: nobody is away */

byte named;               /* recoverers named so far */
bool answered[6];         /* [KNOWN(i, r)]: recoverer i has the answer of replica r */
byte answers[2];
bool decided[2];
byte end[2];
bool proposed[2];
bool first_dead;

byte sealing;             /* metadata: the epoch of the last BeginSeal; 0 while the segment is open */
bool sealed;
byte sealed_end;
byte sealed_by;           /* the epoch of the CompleteSealAndOpen that was applied */

#ifdef SAME_EPOCH
#define EPOCH(i) 1
#else
#define EPOCH(i) (i + 1)
#endif
#define KNOWN(i, r) (REPLICAS * i + r)
#define NUMBER(r0, r1, r2) (((r0) -> 1 : 0) + ((r1) -> 1 : 0) + ((r2) -> 1 : 0))
#define ACKED_ABOVE(n) NUMBER(acked[0] > n, acked[1] > n, acked[2] > n)
#define DURABLE_TO(n) NUMBER(durable[0] >= n, durable[1] >= n, durable[2] >= n)
#define FENCED_HOLDER(i, r) (answered[KNOWN(i, r)] && durable[r] >= end[i])
#define FENCED_HOLDERS(i) NUMBER(FENCED_HOLDER(i, 0), FENCED_HOLDER(i, 1), FENCED_HOLDER(i, 2))
#define ALIVE(i) (i == 1 || !first_dead)
#define HEARS(r) (r != away)
#define EXACT(r) (!adopted[r] || durable[r] == sealed_end)
#define COVERS_COMMIT(i) (!proposed[i] || committed <= end[i])

/* implemented by: replication/segment_leader.cc, append() */
inline append() {
  atomic {
    !leader_down && promise[LEADER] == 0 && written < RECORDS ->
    written++;
    received[LEADER] = written
  }
}

/* FENCED when promise > epoch, which is 0 here.
   implemented by: replication/segment_follower.cc, replicate() */
inline handle_append(r) {
  atomic {
    r != LEADER && promise[r] == 0 && received[r] < written ->
    received[r]++
  }
}

/* implemented by: storage/wal_writer.cc, deliver(); replication/segment_follower.cc, on_durable() */
inline sync(r) {
  atomic {
    durable[r] < received[r] && promise[r] == 0 ->
    durable[r] = received[r];
    acked[r] = durable[r];
    HOLDS(I8, EXACT(r))
  }
}

/* A producer hears OK. Every end contains the record, also one that is proposed and may yet lose.
   implemented by: replication/quorum.cc, advance(); replication/segment_leader.cc, release_committed() */
inline commit() {
  atomic {
    !leader_down && ACKED_ABOVE(committed) >= QUORUM ->
    committed++;
    HOLDS(I3, COVERS_COMMIT(0) && COVERS_COMMIT(1))
  }
}

/* BeginSeal is applied: from OPEN, or from a SEALING that takes too long.
   implemented by: controller/planner.cc, plan_seals(); metadata/cluster_segments.cc, begin_seal() */
inline begin_seal(i) {
  atomic {
    named == i && !sealed ->
    named++;
    sealing = EPOCH(i)
  }
}

#define ASKED_AGAIN(i, r) (promise[r] == EPOCH(i) && !answered[KNOWN(i, r)] && ALIVE(i))
#ifdef LOWER_FENCE_ANSWERED
#define TAKES_FENCE(i, r) ((promise[r] != EPOCH(i) && !answered[KNOWN(i, r)]) || ASKED_AGAIN(i, r))
#else
#define TAKES_FENCE(i, r) (promise[r] < EPOCH(i) || ASKED_AGAIN(i, r))
#endif

#ifdef ONE_ANSWER
#define ANSWERS_NEEDED 1
#else
#define ANSWERS_NEEDED (REPLICAS - QUORUM + 1)
#endif

/* The fence of recoverer i arrives; its answer does, too, or is lost and asked for again.
   implemented by: replication/segment_follower.cc, fence(), settle_fences();
                   replication/segment_recovery.cc, on_fenced(), decide_end() */
inline handle_fence(i, r) {
  atomic {
    named > i && TAKES_FENCE(i, r) && HEARS(r) ->
    if
    :: promise[r] == 0 && durable[r] < received[r] -> durable[r] = received[r]; acked[r] = durable[r]
    :: true /* nothing is pending, or it is dropped */
    fi;
    if
    :: promise[r] != EPOCH(i) /* the answer is lost, or its recoverer dead */
    :: ALIVE(i) && !answered[KNOWN(i, r)] ->
       answered[KNOWN(i, r)] = true;
       if
       :: decided[i]
       :: else ->
          answers[i]++;
          if :: durable[r] > end[i] -> end[i] = durable[r] :: else fi;
          decided[i] = (answers[i] >= ANSWERS_NEEDED)
       fi
    fi;
    promise[r] = EPOCH(i);
    HOLDS(I8, EXACT(r))
  }
}

#ifdef KEEPS_COPYING
#define MAY_COPY(i, r) true
#else
#define MAY_COPY(i, r) (promise[r] <= EPOCH(i))
#endif

/* A copy arrives that was read when the end was chosen, from the replica that had it. Its recoverer may have lost
   since.
   implemented by: replication/segment_recovery.cc, copy_missing(), spread();
                   replication/segment_follower.cc, replicate() */
inline copy_tail(i, r) {
  atomic {
    decided[i] && answered[KNOWN(i, r)] && durable[r] < end[i] && MAY_COPY(i, r) ->
    durable[r] = end[i];
    if :: received[r] < end[i] -> received[r] = end[i] :: else fi;
    HOLDS(I8, EXACT(r))
  }
}

#ifdef NO_COPY
#define MAY_PROPOSE(i) true
#else
#define MAY_PROPOSE(i) (FENCED_HOLDERS(i) >= QUORUM)
#endif

/* The recoverer has a quorum of holders and proposes the end.
   implemented by: replication/segment_recovery.cc, count_holders(); controller/takeover.cc, propose() */
inline propose_end(i) {
  atomic {
    decided[i] && !proposed[i] && ALIVE(i) && MAY_PROPOSE(i) ->
    proposed[i] = true;
    HOLDS(I1, committed <= end[i])
  }
}

#ifdef CAS_WITHOUT_EPOCH
#define MAY_COMPLETE(i) (!sealed)
#else
#ifdef CAS_WITHOUT_STATE
#define MAY_COMPLETE(i) (sealed_by != EPOCH(i))
#else
#define MAY_COMPLETE(i) (!sealed && sealing == EPOCH(i))
#endif
#endif

/* CompleteSealAndOpen is applied, perhaps long after it was proposed; a refused one changes nothing.
   implemented by: metadata/cluster_segments.cc, complete_seal_and_open() */
inline complete_seal(i) {
  atomic {
    proposed[i] && MAY_COMPLETE(i) ->
    HOLDS(I2, !sealed || sealed_end == end[i]);
    sealed = true;
    sealed_end = end[i];
    sealed_by = EPOCH(i);
    away = REPLICAS;
    HOLDS(I1, committed <= sealed_end && DURABLE_TO(sealed_end) >= QUORUM)
  }
}

/* A replica learns of the seal: it cuts what it has beyond the end, or is refilled, and promises the seal's epoch.
   implemented by: controller/takeover.cc, settle(); replication/replica_table.cc, settle() */
inline adopt_seal(r) {
  atomic {
    sealed && !adopted[r] ->
    adopted[r] = true;
    durable[r] = sealed_end;
    received[r] = sealed_end;
#ifndef SEAL_IS_NO_PROMISE
    if :: promise[r] < sealed_by -> promise[r] = sealed_by :: else fi
#endif
  }
}

/* A process dies and comes back, as in fence_and_seal.
   implemented by: storage/recovery.cc, run() */
inline crash(r) {
  atomic {
    crashes < CRASHES ->
    crashes++;
    do
    :: durable[r] < received[r] -> durable[r]++
    :: break
    od;
    received[r] = durable[r];
    if :: promise[r] == 0 && acked[r] < durable[r] -> acked[r] = durable[r] :: else fi;
    if :: r == LEADER -> leader_down = true :: else fi
  }
}

/* The environment: the first recoverer's node dies; what it has sent lives on. */
inline die(i) {
  atomic {
    i == 0 && !first_dead -> first_dead = true
  }
}

active [REPLICAS] proctype Replica() {
  byte r = _pid;
end_idle:
  do
  :: handle_append(r)
  :: sync(r)
  :: handle_fence(0, r)
  :: handle_fence(1, r)
  :: copy_tail(0, r)
  :: copy_tail(1, r)
  :: adopt_seal(r)
  :: crash(r)
  od
}

active proctype Leader() {
end_idle:
  do
  :: append()
  :: commit()
  od
}

active [2] proctype Recoverer() {
  byte i = _pid - REPLICAS - 1;
end_idle:
  do
  :: propose_end(i)
  :: complete_seal(i)
  :: die(i)
  od
}

active proctype Controller() {
  if
  :: away = LEADER
  :: away = 1 /* the followers are alike: 2 would be the same */
  :: away = REPLICAS
  fi;
  do
  :: begin_seal(0)
#ifndef NO_SECOND
  :: begin_seal(1)
#endif
  :: timeout -> HOLDS(L1, sealed && adopted[0] && adopted[1] && adopted[2]); break
  od
}
