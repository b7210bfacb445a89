#pragma once

#include <cstdio>
#include <cstdlib>

/** One behaviour. Prints what was broken, so that the runner shows it. */
inline int failures = 0;
inline const char* behaviour = "";

#define BEHAVIOUR(sentence) behaviour = sentence
#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) {                                                           \
      std::printf("not ok: %s (%s, line %d)\n", behaviour, #condition, __LINE__); \
      failures++;                                                                 \
    }                                                                             \
  } while (false)
