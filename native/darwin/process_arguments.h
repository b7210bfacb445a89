#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oximy {

/** The sysctl KERN_PROCARGS2: argc, the executable's path, zero bytes, the arguments, the environment. */
std::vector<std::string> ParseProcessArguments(std::string_view bytes);

}  // namespace oximy
