/** For systems whose kernel cannot record connections. */
#include "connect_recorder.h"

namespace oximy {

std::string AttachConnectRecorder(const WantedConnections&) { return "only Linux can record connections"; }
void DetachConnectRecorder() {}
std::vector<ForeignConnect> TakeForeignConnects() { return {}; }
std::optional<ConnectRecord> FindConnectRecord(const SocketTuple&, std::optional<uint64_t>) { return std::nullopt; }

}  // namespace oximy
