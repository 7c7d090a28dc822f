// Instructions of the first version: no jumps of 32 bits, no shorter comparisons.
// returns: probe 1
// clang: -mcpu=v1
#include "foreign.h"
#include "cpu.h"
