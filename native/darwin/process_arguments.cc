#include "darwin/process_arguments.h"

#include <cstdint>
#include <cstring>

namespace oximy {

std::vector<std::string> ParseProcessArguments(std::string_view bytes) {
  std::vector<std::string> arguments;
  int32_t count = 0;
  if (bytes.size() < sizeof count) return arguments;
  std::memcpy(&count, bytes.data(), sizeof count);
  bytes.remove_prefix(sizeof count);

  const size_t path_end = bytes.find('\0');
  if (path_end == std::string_view::npos) return arguments;
  const size_t first = bytes.find_first_not_of('\0', path_end);
  if (first == std::string_view::npos) return arguments;
  bytes.remove_prefix(first);
  // The environment follows the arguments; stopping at the count keeps its secrets out.
  for (int32_t i = 0; i < count && !bytes.empty(); i++) {
    const size_t end = bytes.find('\0');
    arguments.emplace_back(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  return arguments;
}

}  // namespace oximy
