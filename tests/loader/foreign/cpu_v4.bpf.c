// Signed division and loads, byte swaps, long jumps.
// returns: probe 1
// linux: 6.6
// clang: -mcpu=v4
#define V4
#include "foreign.h"
#include "cpu.h"
