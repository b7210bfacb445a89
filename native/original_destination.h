#pragma once

#include <optional>

#include "endpoint.h"

namespace oximy {

/**
 * Where the client of a redirected connection meant to go. `fd` is the accepted socket. Nothing when the
 * connection was not redirected or the system keeps no record of it. Still works after the client has gone.
 */
std::optional<Endpoint> OriginalDestination(int fd);

}  // namespace oximy
