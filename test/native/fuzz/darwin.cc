/** The socket table and the process arguments of macOS. */
#include <cstdlib>

#include "darwin/pcblist.h"
#include "darwin/process_arguments.h"

using namespace oximy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto sockets = ParsePcbList(data, size);
  // Each takes a record of more than 24 bytes: what is read never outgrows what was given.
  if (sockets.size() * 24 > size) std::abort();
  const Endpoint nobody{};
  DestinationOfClient(sockets, sockets.empty() ? nobody : sockets.front().tuple.local, nobody);

  ParseProcessArguments({reinterpret_cast<const char*>(data), size});
  return 0;
}
