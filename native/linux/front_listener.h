#pragma once

#include <vector>

#include "front_socket.h"

namespace oximy {

struct ListeningSocket {
  Descriptor socket;
  Endpoint bound;
};

/**
 * Listens at each address. Port 0 in several addresses means the same free port in each, as one redirect rule
 * names one port. Addresses that this machine does not have (IPv6 switched off) are left out. Throws
 * std::system_error when an address is taken or none is left.
 */
std::vector<ListeningSocket> ListenAt(const std::vector<Endpoint>& addresses);

}  // namespace oximy
