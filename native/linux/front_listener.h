#pragma once

#include <vector>

#include "front_socket.h"

namespace oximy {

struct ListeningSocket {
  Descriptor socket;
  Endpoint bound;
};

/**
 * Listens at each address. Several addresses with port 0 share one free port, since a redirect rule names one port.
 * Addresses that this machine does not have (IPv6 switched off) are skipped. Throws std::system_error when an address
 * is taken or none is left.
 */
std::vector<ListeningSocket> ListenAt(const std::vector<Endpoint>& addresses);

}  // namespace oximy
