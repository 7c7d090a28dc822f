// returns: probe 1
// clang: -mcpu=v2
#include "foreign.h"
#include "cpu.h"
