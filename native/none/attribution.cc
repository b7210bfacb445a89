/** A system that Oximy knows nothing of: the addon loads and says so. */
#include "connect_recorder.h"
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
std::string AttachConnectRecorder(const std::vector<uint16_t>&) { return "only on Linux"; }
void DetachConnectRecorder() {}
std::optional<ConnectRecord> FindConnectRecord(const SocketTuple&, std::optional<uint64_t>) { return std::nullopt; }
std::optional<int> FindProcess(uint64_t, const FinderHints&, std::chrono::steady_clock::time_point) {
  return std::nullopt;
}

}  // namespace oximy
