#include "endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace oximy {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

Endpoint FromIPv4(const uint8_t* address, uint16_t port) {
  Endpoint endpoint;
  endpoint.family = Endpoint::Family::kIPv4;
  std::copy_n(address, 4, endpoint.address.begin());
  endpoint.port = port;
  return endpoint;
}

Endpoint FromIPv6(const uint8_t* address, uint16_t port) {
  if (std::memcmp(address, kMappedPrefix, sizeof kMappedPrefix) == 0) return FromIPv4(address + 12, port);
  Endpoint endpoint;
  endpoint.family = Endpoint::Family::kIPv6;
  std::copy_n(address, 16, endpoint.address.begin());
  endpoint.port = port;
  return endpoint;
}

std::optional<Endpoint> ParseEndpoint(const std::string& address, uint16_t port) {
  uint8_t bytes[16];
  if (inet_pton(AF_INET, address.c_str(), bytes) == 1) return FromIPv4(bytes, port);
  const std::string unscoped = address.substr(0, address.find('%'));
  if (inet_pton(AF_INET6, unscoped.c_str(), bytes) == 1) return FromIPv6(bytes, port);
  return std::nullopt;
}

std::string FormatAddress(const Endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = endpoint.family == Endpoint::Family::kIPv4 ? AF_INET : AF_INET6;
  inet_ntop(family, endpoint.address.data(), text, sizeof text);
  return text;
}

std::array<uint8_t, 16> AsIPv6(const Endpoint& endpoint) {
  if (endpoint.family == Endpoint::Family::kIPv6) return endpoint.address;
  std::array<uint8_t, 16> mapped{};
  std::copy_n(kMappedPrefix, sizeof kMappedPrefix, mapped.begin());
  std::copy_n(endpoint.address.begin(), 4, mapped.begin() + 12);
  return mapped;
}

}  // namespace oximy
