/* The leader's read lease against a fence: who may say "empty", move GET's cursor or tell the end offset.
 *
 * Modelled: three replicas, a quorum of two; the leader is a replica itself. Heartbeats carry the time at which they
 * were sent. A follower that takes one grants a lease and answers no fence until the grant has run out on its own
 * clock. Two heartbeats and their answers are under way at a time and may overtake each other, be late for ever or be
 * lost. The follower may restart and forget what it has granted. Clocks are monotonic and drift: while a lease runs,
 * two of them may come apart by DRIFT ticks. A leader with a slow clock believes its lease for LEASE + DRIFT ticks, a
 * follower with a fast one keeps its grant for HOLD - DRIFT; other clocks are covered, as nobody has to act at once.
 * Without a lease the leader makes one heartbeat round that begins after the request. The segment is sealed when two
 * replicas are fenced, at any end that the recovery could find; then the next leader acknowledges.
 *
 * Abstracted away: the second follower's grants. A lease and a round need the leader and one follower, GRANTER; that
 * the other grants nothing only lets it answer a fence sooner, and the followers are alike. Replication (a record
 * gets onto a quorum while fewer than two replicas are fenced), the recovery (fence_and_seal), wall clocks (nobody
 * reads one). Time has no end, so runs are not finite and L1 is not asked.
 *
 * Asserted: I5 FRESH
 * FRESH: an answer about the end is true; with a lease when it is given, after a round at some moment since the
 * request.
 * States: 363,432
 *
 * Mutants:
 *   GRANT_FROM_RECEIPT      FRESH  the leader counts a grant from the answer's arrival, not from its heartbeat's sending
 *   FENCED_DURING_GRANT     FRESH  a follower answers a fence before its grant has run out
 *   LEASE_KEPT_WHEN_FENCED  FRESH  the leader's own node answers the fence and the leader keeps its lease
 *   NO_MARGIN               FRESH  a follower keeps a grant for as long as the leader believes it, whatever the drift
 *   RESTART_FORGETS_GRANT   FRESH  a follower that has just started answers a fence at once
 *   ONE_GRANT               FRESH  the leader's own grant is enough
 *   ROUND_BEFORE_REQUEST    FRESH  the answer to a heartbeat that was sent before the request ends its round
 *   READS_BEFORE_COMMIT     I5     a reader is given records beyond commit
 */
#include "holds.h"

#define LEASE 2
#define DRIFT 1
#ifdef NO_MARGIN
#define HOLD LEASE
#else
#define HOLD (LEASE + 2 * DRIFT)
#endif
#define OLD (LEASE + DRIFT)   /* ages are counted up to here: no leader believes in a lease of this age */
#define MESSAGES 2
#define RECORDS 2
#define LEADER 0
#define GRANTER 1

mtype = { FREE, TO_FOLLOWER, TO_LEADER };

mtype message[MESSAGES] = FREE; /* a heartbeat under way, or its answer */
byte age[MESSAGES];           /* time since that heartbeat was sent */
bool of_round[MESSAGES];      /* it was sent since the request */
byte granted = OLD;           /* at the leader: time since it sent the youngest heartbeat that was answered */
byte held = OLD;              /* at the follower: time since its last grant */
bool fenced[3];

bool asked;                   /* a request waits for a round */
bool sealed_before;           /* the segment was sealed when the request came */

byte written;                 /* records in the old leader's log */
byte on_quorum;               /* those durable on a quorum */
byte committed;               /* those that the leader knows to be; their producers have their OK */
byte seen;                    /* a reader was given the records below */
bool sealed;
byte end;
bool next_acknowledged;       /* the next leader has acknowledged a record */

#define FENCED (fenced[0] + fenced[1] + fenced[2])
#define TRUE_END (sealed -> end + next_acknowledged : committed)
#define OLDER(time) (time < OLD -> time + 1 : time)
#define AGED(m) (message[m] == FREE -> 0 : OLDER(age[m]))

/* The environment: one tick of a clock that is right. */
inline tick() {
  atomic {
    age[0] = AGED(0);
    age[1] = AGED(1);
    granted = OLDER(granted);
    held = OLDER(held)
  }
}

inline clear(m) {
  message[m] = FREE;
  age[m] = 0;
  of_round[m] = false
}

/* A heartbeat, or an append, with the time of its sending.
   implemented by: replication/follower_link.cc, send(), ask_for_lease() (to come) */
inline send_heartbeat(m) {
  atomic {
    message[m] == FREE && !fenced[LEADER] ->
    message[m] = TO_FOLLOWER;
    of_round[m] = asked
  }
}

/* A fenced follower grants nothing.
   implemented by: replication/segment_follower.cc, grant_lease() (to come) */
inline grant(m) {
  atomic {
    message[m] == TO_FOLLOWER && !fenced[GRANTER] ->
    message[m] = TO_LEADER;
    held = 0
  }
}

#ifdef ROUND_BEFORE_REQUEST
#define ENDS_ROUND(m) asked
#else
#define ENDS_ROUND(m) (asked && of_round[m])
#endif

/* With the leader's own this is a quorum, so it ends a round, too.
   implemented by: replication/segment_leader.cc, on_grant() (to come) */
inline take_answer(m) {
  atomic {
    message[m] == TO_LEADER && !fenced[LEADER] ->
#ifdef GRANT_FROM_RECEIPT
    granted = 0;
#else
    if :: age[m] < granted -> granted = age[m] :: else fi;
#endif
    if
    :: ENDS_ROUND(m) ->
       HOLDS(FRESH, !sealed_before);
       asked = false;
       sealed_before = false;
       of_round[1 - m] = false
    :: else
    fi;
    clear(m)
  }
}

/* The environment: the network drops a message. */
inline lose(m) {
  atomic {
    message[m] != FREE -> clear(m)
  }
}

/* A GET at the end comes while there is no lease.
   implemented by: broker/topic_leader.cc, take() */
inline ask() {
  atomic {
    !asked ->
    asked = true;
    sealed_before = sealed
  }
}

#ifdef LEASE_KEPT_WHEN_FENCED
#define OWN_GRANT true
#else
#define OWN_GRANT (!fenced[LEADER])
#endif

#ifdef ONE_GRANT
#define FOLLOWERS_GRANT true
#else
#define FOLLOWERS_GRANT (granted < OLD)
#endif

/* "It is empty", the cursor's next record, the end offset.
   implemented by: replication/segment_leader.cc, has_lease() (to come);
                   broker/topic_leader.cc, take(), state_json() */
inline answer_with_lease() {
  atomic {
    OWN_GRANT && FOLLOWERS_GRANT -> HOLDS(FRESH, TRUE_END == committed)
  }
}

/* implemented by: replication/segment_leader.cc, append() */
inline append() {
  atomic {
    written < RECORDS && !fenced[LEADER] -> written++
  }
}

/* implemented by: storage/wal_writer.cc, deliver(); replication/segment_follower.cc, on_durable() */
inline reach_quorum() {
  atomic {
    on_quorum < written && FENCED < 2 -> on_quorum++
  }
}

/* The ack that moves commit may be late, also past the seal.
   implemented by: replication/segment_leader.cc, release_committed() */
inline commit() {
  atomic {
    committed < on_quorum -> committed++
  }
}

#ifdef READS_BEFORE_COMMIT
#define READABLE written
#else
#define READABLE committed
#endif

/* A deposed leader may serve, too: old data below commit.
   implemented by: replication/segment_leader.cc, read() */
inline serve() {
  atomic {
    seen < READABLE ->
    seen = READABLE;
    HOLDS(I5, !sealed || seen <= end)
  }
}

#ifdef FENCED_DURING_GRANT
#define GRANT_IS_OVER true
#else
#define GRANT_IS_OVER (held >= HOLD - DRIFT)
#endif

/* A fence is answered when the grant has run out. The leader's own node gives the lease up as it answers.
   implemented by: replication/segment_follower.cc, fence(), wait_for_grant() (to come);
                   replication/segment_leader.cc, fence() */
inline handle_fence(r) {
  atomic {
    !fenced[r] && (r != GRANTER || GRANT_IS_OVER) -> fenced[r] = true
  }
}

/* After a start a grant may be out that nobody here remembers: as if it had been given just now.
   implemented by: replication/segment_follower.cc, wait_for_grant() (to come) */
inline restart() {
  atomic {
    held != 0 ->
#ifdef RESTART_FORGETS_GRANT
    held = OLD
#else
    held = 0
#endif
  }
}

/* implemented by: metadata/cluster_segments.cc, complete_seal_and_open() */
inline seal() {
  atomic {
    !sealed && FENCED >= 2 ->
    sealed = true;
    end = on_quorum;
    if
    :: end = written
    :: true
    fi;
    HOLDS(I5, seen <= end)
  }
}

/* implemented by: broker/topic_leader.cc, append() */
inline next_acknowledges() {
  atomic {
    sealed && !next_acknowledged -> next_acknowledged = true
  }
}

active proctype Leader() {
end_idle:
  do
  :: send_heartbeat(0)
  :: send_heartbeat(1)
  :: take_answer(0)
  :: take_answer(1)
  :: ask()
  :: answer_with_lease()
  :: append()
  :: commit()
  :: serve()
  od
}

active proctype Followers() {
end_idle:
  do
  :: grant(0)
  :: grant(1)
  :: handle_fence(0)
  :: handle_fence(1)
  :: handle_fence(2)
  :: restart()
  od
}

active proctype World() {
end_idle:
  do
  :: tick()
  :: lose(0)
  :: lose(1)
  :: reach_quorum()
  :: seal()
  :: next_acknowledges()
  od
}
