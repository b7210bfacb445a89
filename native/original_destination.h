#pragma once

#include <optional>

#include "endpoint.h"

namespace oximy {

/**
 * The original destination of a redirected connection. `fd` is the accepted socket. Nothing when the
 * connection was not redirected or the system keeps no record of it. Still works after the client has gone.
 */
std::optional<Endpoint> OriginalDestination(int fd);

}  // namespace oximy
