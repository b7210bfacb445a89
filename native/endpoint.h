#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace oximy {

/** A TCP endpoint. Never an IPv4-mapped IPv6 address: those are converted to IPv4 on entry. */
struct Endpoint {
  enum class Family : uint8_t { kIPv4, kIPv6 };

  Family family = Family::kIPv4;
  /** Network order; IPv4 uses the first 4 bytes, the rest are zero. */
  std::array<uint8_t, 16> address{};
  uint16_t port = 0;

  bool operator==(const Endpoint& other) const {
    return family == other.family && address == other.address && port == other.port;
  }
};

/** The client's own view of its connection. */
struct SocketTuple {
  Endpoint local;
  Endpoint remote;

  bool operator==(const SocketTuple& other) const { return local == other.local && remote == other.remote; }
};

/** From 4 bytes in network order. */
Endpoint FromIPv4(const uint8_t* address, uint16_t port);
/** From 16 bytes in network order; ::ffff:a.b.c.d becomes IPv4. */
Endpoint FromIPv6(const uint8_t* address, uint16_t port);
/** From a textual address; nothing if it is invalid. A scope (`%eth0`) is ignored: no redirected address has one. */
std::optional<Endpoint> ParseEndpoint(const std::string& address, uint16_t port);
std::string FormatAddress(const Endpoint& endpoint);
/** The 16 bytes of the address as IPv6, IPv4 in its mapped form. */
std::array<uint8_t, 16> AsIPv6(const Endpoint& endpoint);

}  // namespace oximy
