#pragma once

#include <optional>
#include <vector>

#include "darwin/pcblist.h"

namespace oximy {

/** All TCP sockets of this machine (sysctl net.inet.tcp.pcblist_n); nothing when the system does not return them. */
std::optional<std::vector<TcpSocket>> ReadSocketTable();

}  // namespace oximy
