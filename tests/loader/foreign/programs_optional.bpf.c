// `?`: programs that are loaded only when somebody asks for them. This one the verifier wouldn't take.
// returns: probe 3
// absent: broken
#include "foreign.h"
SEC("socket") int probe(void *ctx) { return 3; }
SEC("?socket") int broken(void *ctx) { return *(volatile int *)0; }
