/* The leader's round against a fence: who may say "empty", move GET's cursor or tell the end offset (ADR 0003).
 *
 * Modelled: three replicas, a quorum of two; the leader is a replica itself. When a question about the end comes, the
 * leader asks both followers whether they still accept its epoch, and answers when one of them has said so since. A
 * fenced follower says no, and that ends the leader. Three questions and their answers are under way at a time, may
 * overtake each other, be late for ever or be lost; old ones are still there when a new round begins. A follower may
 * restart: its promise was durable before the fence was answered. The segment is sealed when two replicas are fenced, at
 * any end that the recovery could find.
 *
 * Abstracted away: replication (a record gets onto a quorum while fewer than two replicas are fenced), the recovery
 * (fence_and_seal), that questions which come during a round share the next one. There is no clock in it, as there is
 * none in the code. Time has no end, so runs are not finite and L1 is not asked.
 *
 * Asserted: I5 FRESH
 * FRESH: an answer about the end was true at some moment since the question: the segment was not sealed by then.
 * States: 63,873
 *
 * Mutants:
 *   ROUND_BEFORE_REQUEST   FRESH  the answer to a question that was sent before the request ends its round
 *   FENCED_SAYS_YES        FRESH  a follower that has answered a fence says that it accepts the old epoch
 *   LEADER_ALONE           FRESH  the leader's own replica is enough
 *   OWN_FENCE_IGNORED      FRESH  the leader's own replica answers the fence and the leader goes on
 *   PROMISE_FORGOTTEN      FRESH  a follower does not know of its promise any more after a restart
 *   READS_BEFORE_COMMIT    I5     a reader is given records beyond commit
 */
#include "holds.h"

#define MESSAGES 3
#define RECORDS 2
#define LEADER 0

mtype = { FREE, TO_FOLLOWER, YES, NO };

mtype message[MESSAGES] = FREE; /* a question under way, or its answer */
byte follower[MESSAGES];        /* whose */
bool of_round[MESSAGES];        /* it was sent since the request */
bool fenced[3];                 /* has answered a fence */
bool ended;                     /* the leader has met the promise: it answers nothing more */

bool asked;                     /* a request waits for its round */
bool sealed_before;             /* the segment was sealed when the request came */

byte written;                   /* records in the old leader's log */
byte on_quorum;                 /* those durable on a quorum */
byte committed;                 /* those that the leader knows to be; their producers have their OK */
byte seen;                      /* a reader was given the records below */
bool sealed;
byte end;

#define FENCED (fenced[0] + fenced[1] + fenced[2])

inline clear(m) {
  message[m] = FREE;
  follower[m] = 0;
  of_round[m] = false
}

/* A GET at the end comes.
   implemented by: broker/topic_leader.cc, take(); replication/segment_leader.cc, confirm() */
inline request() {
  atomic {
    !asked && !ended ->
    asked = true;
    sealed_before = sealed
  }
}

/* implemented by: replication/segment_leader.cc, start_round(); replication/follower_link.cc, ask() */
inline ask(m, r) {
  atomic {
    message[m] == FREE && !ended ->
    message[m] = TO_FOLLOWER;
    follower[m] = r;
    of_round[m] = asked
  }
}

#ifdef FENCED_SAYS_YES
#define ACCEPTS(r) true
#else
#define ACCEPTS(r) (!fenced[r])
#endif

/* implemented by: replication/segment_follower.cc, standing() */
inline say(m) {
  atomic {
    message[m] == TO_FOLLOWER ->
    if
    :: ACCEPTS(follower[m]) -> message[m] = YES
    :: else -> message[m] = NO
    fi
  }
}

#ifdef ROUND_BEFORE_REQUEST
#define ENDS_ROUND(m) asked
#else
#define ENDS_ROUND(m) (asked && of_round[m])
#endif

inline answer_request() {
  HOLDS(FRESH, !sealed_before);
  asked = false;
  sealed_before = false;
  of_round[0] = false;
  of_round[1] = false;
  of_round[2] = false
}

/* With the leader's own this is a quorum.
   implemented by: replication/segment_leader.cc, end_round() */
inline take_yes(m) {
  atomic {
    message[m] == YES ->
    if
    :: ENDS_ROUND(m) && !ended -> answer_request()
    :: else
    fi;
    clear(m)
  }
}

/* implemented by: replication/segment_leader.cc, fence() */
inline take_no(m) {
  atomic {
    message[m] == NO ->
    ended = true;
    asked = false;
    sealed_before = false;
    clear(m)
  }
}

/* The environment: the network drops a message. */
inline lose(m) {
  atomic {
    message[m] != FREE -> clear(m)
  }
}

#ifdef LEADER_ALONE
/* What must not be: nobody is asked.
   implemented by: replication/segment_leader.cc, confirm() */
inline answer_alone() {
  atomic {
    asked && !ended -> answer_request()
  }
}
#endif

/* implemented by: replication/segment_leader.cc, append() */
inline append() {
  atomic {
    written < RECORDS && !ended -> written++
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

/* implemented by: replication/segment_follower.cc, fence() */
inline handle_fence(r) {
  atomic {
    !fenced[r] -> fenced[r] = true
  }
}

/* The leader on the same node ends before its replica answers.
   implemented by: replication/replica_table.cc, fence(); replication/segment_leader.cc, fence() */
inline fence_leader() {
  atomic {
    !fenced[LEADER] ->
    fenced[LEADER] = true;
#ifndef OWN_FENCE_IGNORED
    ended = true;
    asked = false;
    sealed_before = false
#endif
  }
}

/* What was promised is found again in the log.
   implemented by: storage/local_segment.cc, promise() */
inline restart(r) {
  atomic {
    fenced[r] ->
#ifdef PROMISE_FORGOTTEN
    fenced[r] = false
#else
    skip
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

active proctype Leader() {
end_idle:
  do
  :: request()
  :: ask(0, 1)
  :: ask(1, 2)
  :: ask(2, 1)
  :: take_yes(0)
  :: take_yes(1)
  :: take_yes(2)
  :: take_no(0)
  :: take_no(1)
  :: take_no(2)
#ifdef LEADER_ALONE
  :: answer_alone()
#endif
  :: append()
  :: commit()
  :: serve()
  od
}

active proctype Followers() {
end_idle:
  do
  :: say(0)
  :: say(1)
  :: say(2)
  :: fence_leader()
  :: handle_fence(1)
  :: handle_fence(2)
  :: restart(1)
  :: restart(2)
  od
}

active proctype World() {
end_idle:
  do
  :: lose(0)
  :: lose(1)
  :: lose(2)
  :: reach_quorum()
  :: seal()
  od
}
