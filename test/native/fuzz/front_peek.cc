/** The first bytes of a connection. */
#include "front_peek.h"

using namespace oximy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ClassifyPeek(data, size);
  return 0;
}
