/* HOLDS(I3, condition) is the assertion of every model. The tag names the invariant as docs/INVARIANTS.md does; pan
 * prints it with the condition when the assertion fails. With -DONLY=I3 no other tag can fail: that is how spec/check
 * sees that a mutant breaks the invariant that it is said to break. Tags are constants and no part of the state.
 */
#ifdef ONLY
#define HOLDS(tag, condition) assert((condition) || tag != ONLY)
#else
#define HOLDS(tag, condition) assert((condition) || tag == 0)
#endif

hidden byte I1 = 1, I2 = 2, I3 = 3, I4 = 4, I5 = 5, I6 = 6, I7 = 7, I8 = 8, I9 = 9, I10 = 10, I11 = 11, I12 = 12;
hidden byte L1 = 21;     /* asserted where nothing more can happen; every run is finite, so it needs no fairness */
hidden byte FRESH = 22;  /* an answer that needs the truth of now is true */
hidden byte SILENT = 23; /* a planned roll shows no error to any client */
