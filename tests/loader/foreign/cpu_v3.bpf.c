// returns: probe 1
// clang: -mcpu=v3
#include "foreign.h"
#include "cpu.h"
