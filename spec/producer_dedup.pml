/* A producer that numbers its records retries them across seals and failovers: each is stored at most once per topic.
 *
 * Modelled: one producer with three records, two of them under way at a time, and a chain of four segments, each with
 * a leader that learns late, or never, that it is deposed. A request that was sent once may reach any of the leaders
 * any number of times, at any time, in any order (retries, a network that repeats, forwarding nodes). A seal may come
 * at any moment and cut at any end from commit to the last record written. The next leader loads its dedup state from
 * what is sealed, then serves.
 *
 * Abstracted away: replicas and how the end is found: every end from commit on is possible, and a deposed leader
 * commits nothing beyond it (fence_and_seal, roll; a settled roll is the case end = written). Several producers: they
 * share no state. How the state is kept: the next sequence of a producer stands for the window of its recent batches.
 *
 * Asserted: I1 I10 L1
 * I1 of what the producer has heard OK for; L1: it hears OK for everything.
 * States: 30,925
 * Finite: SEGMENTS=4
 *
 * Mutants:
 *   SERVES_BEFORE_LOADED  I10  a new leader takes PUTs before it has loaded the dedup state
 *   UNCOMMITTED_TAIL      I1   a new leader takes its dedup state from its own copy, with a tail beyond the end
 *   LAST_SEGMENT_ONLY     I10  a new leader loads the dedup state of the segment before its own only
 *   DUPLICATE_OK_AT_ONCE  I1   a duplicate is answered OK while the record is not committed yet
 *   GAP_ACCEPTED          I1   a leader takes a sequence that is not the next one
 *   NO_RETRY              L1   the producer gives a record up when its segment is sealed before it hears OK
 */
#include "holds.h"

#define RECORDS 3
#ifndef SEGMENTS
#define SEGMENTS 4
#endif
#define UNDER_WAY 2
#define LONGEST 4            /* a segment, also with the duplicates of a mutant */

byte sent;                   /* the producer has sent the sequences below */
bool heard[RECORDS];         /* it has heard OK */
byte sent_in[RECORDS];       /* the segment that was open when the sequence was sent; of use to a mutant only */

byte open;                   /* the segment that is open; those before are sealed */
byte end[SEGMENTS];          /* of a sealed segment */
byte record[SEGMENTS * LONGEST]; /* [AT(s, position)]: the sequence there, in the log of the leader of s */
byte written[SEGMENTS];
byte committed[SEGMENTS];

byte stored[RECORDS];        /* how often a sequence is in the topic: sealed, or committed in the open segment */

byte sealed_next;            /* the sequence after the highest that is sealed */
byte last_next;              /* the same, of the last sealed segment alone */
byte tail_next;              /* the same, of what the next leader finds in its own copy */

bool loaded[SEGMENTS];       /* the leader of a segment: */
byte next[SEGMENTS];         /* the sequence that it takes next */
byte safe[SEGMENTS];         /* it knows those below to be committed */

#define AT(s, position) (LONGEST * s + position)

/* A record is part of the topic for ever. */
inline store(q) {
  stored[q]++;
  HOLDS(I10, stored[q] == 1)
}

/* The environment: a client sends its next record, and keeps on sending what it has heard nothing of. */
inline send() {
  atomic {
    sent < RECORDS && (sent < UNDER_WAY || heard[sent - UNDER_WAY]) ->
#ifdef NO_RETRY
    sent_in[sent] = open;
#endif
    sent++
  }
}

#ifdef NO_RETRY
#define ARRIVES(s, q) (q < sent && sent_in[q] == s)
#else
#define ARRIVES(s, q) (s <= open && q < sent)
#endif

#ifdef SERVES_BEFORE_LOADED
#define SERVES(s) true
#else
#define SERVES(s) loaded[s]
#endif

#ifdef GAP_ACCEPTED
#define IS_NEXT(s, q) (q >= next[s])
#else
#define IS_NEXT(s, q) (q == next[s])
#endif

/* A sequence that is the next one is appended, also by a leader that does not know that it is deposed; one beyond it is
   refused. implemented by: broker/producer_table.cc, check(); broker/topic_leader.cc, append() */
inline handle_put(s, q) {
  atomic {
    ARRIVES(s, q) && SERVES(s) && IS_NEXT(s, q) && written[s] < LONGEST ->
    record[AT(s, written[s])] = q;
    written[s]++;
    next[s] = q + 1
  }
}

#ifdef DUPLICATE_OK_AT_ONCE
#define IS_STORED(s, q) (q < next[s])
#else
#define IS_STORED(s, q) (q < safe[s])
#endif

/* OK leaves when commit covers the record, to the request that was appended and to those that repeat it.
   implemented by: broker/topic_leader.cc, answered_unwritten();
                   replication/segment_leader.cc, release_committed() */
inline answer(s, q) {
  atomic {
    ARRIVES(s, q) && SERVES(s) && IS_STORED(s, q) && !heard[q] ->
    heard[q] = true;
    HOLDS(I1, stored[q] > 0)
  }
}

/* Commit covers one more record; in a sealed segment, one that was on a quorum before the fence.
   implemented by: replication/quorum.cc, advance(); replication/segment_leader.cc, release_committed() */
inline commit(s) {
  atomic {
    committed[s] < (s < open -> end[s] : written[s]) ->
    if :: s == open -> store(record[AT(s, committed[s])]) :: else fi;
    safe[s] = record[AT(s, committed[s])] + 1;
    committed[s]++
  }
}

/* The open segment is sealed at one of the possible ends, and the next one opens on a node whose copy may end anywhere.
   implemented by: metadata/cluster_segments.cc, seal_and_open(), complete_seal_and_open() */
inline seal_and_open(position) {
  atomic {
    open + 1 < SEGMENTS ->
    last_next = 0;
    do
    :: position < committed[open] -> /* was stored when it was committed */
       last_next = record[AT(open, position)] + 1;
       position++
    :: position >= committed[open] && position < written[open] ->
       store(record[AT(open, position)]);
       last_next = record[AT(open, position)] + 1;
       position++
    :: position >= committed[open] -> break
    od;
    end[open] = position;
    if :: last_next > sealed_next -> sealed_next = last_next :: else fi;
    tail_next = sealed_next;
    do
    :: position < written[open] -> /* beyond the end, and in the next leader's copy */
       if :: record[AT(open, position)] >= tail_next -> tail_next = record[AT(open, position)] + 1 :: else fi;
       position++
    :: break
    od;
    position = 0;
    open++
  }
}

#ifdef UNCOMMITTED_TAIL
#define LOADED_NEXT tail_next
#else
#ifdef LAST_SEGMENT_ONLY
#define LOADED_NEXT last_next
#else
#define LOADED_NEXT sealed_next
#endif
#endif

/* The new leader reads the dedup state of everything that is sealed, before its first append.
   implemented by: broker/topic_producers.cc, check(), read_history(); broker/producer_history.cc, read() */
inline load(s) {
  atomic {
    s == open && !loaded[s] && next[s] == 0 ->
    loaded[s] = true;
    next[s] = LOADED_NEXT;
    safe[s] = LOADED_NEXT
  }
}

active [SEGMENTS] proctype Leader() {
  byte s = _pid;
end_idle:
  do
  :: load(s)
  :: handle_put(s, 0)
  :: handle_put(s, 1)
  :: handle_put(s, 2)
  :: commit(s)
  :: answer(s, 0)
  :: answer(s, 1)
  :: answer(s, 2)
  od
}

active proctype Producer() {
  do
  :: send()
  :: timeout -> HOLDS(L1, heard[0] && heard[1] && heard[2]); break
  od
}

active proctype Metadata() {
  byte position;
end_idle:
  do
  :: seal_and_open(position)
  od
}
