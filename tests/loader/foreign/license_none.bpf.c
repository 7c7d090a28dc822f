// No licence: what needs none loads all the same.
// returns: probe 4
#define NO_LICENSE
#include "foreign.h"
SEC("socket") int probe(void *ctx) { return 4; }
