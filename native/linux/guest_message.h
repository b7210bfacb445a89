#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "endpoint.h"
#include "unique_fd.h"

namespace oximy {

enum class GuestKind : uint32_t {
  /** To the proxy: a network, with its listeners and the descriptor that keeps its connections translated. */
  kAdd = 1,
  /** To the proxy: no further connections of this network. */
  kRemove = 2,
  /** To root: requests a socket for this connection, and its original destination if not given. */
  kWant = 3,
  /** To the proxy: the socket and the destination, or an error. */
  kUpstream = 4,
};

/** Messages between root and the proxy about container networks: one packet of fixed size each. */
struct GuestMessage {
  GuestKind kind;
  uint32_t network;
  uint64_t connection;
  /** kWant: the client's own address and port. IPv4 in its mapped form. */
  std::array<uint8_t, 16> peer;
  /** The original destination; port 0 when the accepted socket does not reveal it, and root has to look it up. */
  std::array<uint8_t, 16> destination;
  uint16_t peer_port;
  uint16_t destination_port;
  /** kUpstream without a socket: errno. */
  int32_t error;
};
static_assert(sizeof(GuestMessage) == 56);

constexpr size_t kMostGuestDescriptors = 3;

/** False when it could not be sent. `flags` as for send(2). */
bool SendGuestMessage(int channel, const GuestMessage& message, const std::vector<int>& descriptors, int flags);

struct ReceivedGuestMessage {
  GuestMessage message;
  std::vector<UniqueFd> descriptors;
};

enum class GuestReceipt { kMessage, kNothing, kEnded };

/** The next packet. One of another size ends the channel. */
GuestReceipt ReceiveGuestMessage(int channel, ReceivedGuestMessage& received);

}  // namespace oximy
