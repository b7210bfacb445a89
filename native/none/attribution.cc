/** An unsupported system: the addon loads and reports that. */
#include "implementation.h"
#include "original_destination.h"
#include "process_finder.h"
#include "process_info.h"
#include "socket_owner.h"

namespace oximy {

const char* const kImplementation = "none";

std::optional<Endpoint> OriginalDestination(int) { return std::nullopt; }
std::optional<SocketOwner> FindSocketOwner(const SocketTuple&) { return std::nullopt; }
std::optional<ProcessInfo> ReadProcessInfo(int) { return std::nullopt; }
std::optional<int> FindProcess(uint64_t, const FinderHints&, std::chrono::steady_clock::time_point) {
  return std::nullopt;
}
std::optional<int> FindUserBelow(int, uint64_t, std::chrono::steady_clock::time_point) { return std::nullopt; }

}  // namespace oximy
