#pragma once

#include <cerrno>
#include <cstring>
#include <string>

namespace oximy {

/** What failed, and the system's reason. */
inline std::string ErrnoText(const char* what, int error = errno) {
  return std::string(what) + ": " + std::strerror(error);
}

}  // namespace oximy
