#include "darwin/socket_table.h"

#include <sys/sysctl.h>

#include <cerrno>

namespace oximy {
namespace {

constexpr const char* kName = "net.inet.tcp.pcblist_n";
/** The table may grow between querying its size and reading it. */
constexpr int kAttempts = 4;

}  // namespace

std::optional<std::vector<TcpSocket>> ReadSocketTable() {
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    size_t size = 0;
    if (sysctlbyname(kName, nullptr, &size, nullptr, 0) != 0) return std::nullopt;
    size += size / 4 + 4096;
    std::vector<uint8_t> table(size);
    if (sysctlbyname(kName, table.data(), &size, nullptr, 0) == 0) return ParsePcbList(table.data(), size);
    if (errno != ENOMEM) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace oximy
