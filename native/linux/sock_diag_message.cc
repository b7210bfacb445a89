#include "linux/sock_diag_message.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>

namespace oximy {
namespace {

// INET_DIAG_CGROUP_ID of Linux 5.8; older headers do not have it.
constexpr uint16_t kAttributeCgroupId = 21;
// TCP_NEW_SYN_RECV of <net/tcp_states.h>.
constexpr uint8_t kNewSynReceived = 12;

/** A connecting socket is never in these states: the lookup matched a listener or a connection being accepted. */
bool IsServerState(uint8_t state) {
  return state == TCP_LISTEN || state == TCP_SYN_RECV || state == kNewSynReceived || state == TCP_CLOSE;
}

template <typename T>
T Read(const uint8_t* data) {
  T value;
  std::memcpy(&value, data, sizeof value);
  return value;
}

Endpoint ReadEndpoint(uint8_t family, const uint32_t* address, uint16_t port) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(address);
  return family == AF_INET6 ? FromIPv6(bytes, ntohs(port)) : FromIPv4(bytes, ntohs(port));
}

std::optional<uint64_t> FindCgroupId(const uint8_t* data, size_t size) {
  while (size >= sizeof(rtattr)) {
    const auto attribute = Read<rtattr>(data);
    if (attribute.rta_len < sizeof(rtattr) || attribute.rta_len > size) return std::nullopt;
    if (attribute.rta_type == kAttributeCgroupId && attribute.rta_len >= RTA_LENGTH(sizeof(uint64_t))) {
      return Read<uint64_t>(data + RTA_LENGTH(0));
    }
    const size_t step = RTA_ALIGN(attribute.rta_len);
    if (step >= size) return std::nullopt;
    data += step;
    size -= step;
  }
  return std::nullopt;
}

std::variant<SocketOwner, SockDiagFailure> ReadSocket(const uint8_t* data, size_t size, const SocketTuple& tuple) {
  if (size < sizeof(inet_diag_msg)) return SockDiagFailure::kMalformed;
  const auto message = Read<inet_diag_msg>(data);
  const SocketTuple found = {ReadEndpoint(message.idiag_family, message.id.idiag_src, message.id.idiag_sport),
                             ReadEndpoint(message.idiag_family, message.id.idiag_dst, message.id.idiag_dport)};
  if (IsServerState(message.idiag_state) || !(found == tuple)) return SockDiagFailure::kOtherSocket;

  SocketOwner owner;
  owner.inode = message.idiag_inode;
  // A socket in TIME_WAIT no longer has a user; its 0 would mean root.
  if (message.idiag_state != TCP_TIME_WAIT) owner.uid = message.idiag_uid;
  owner.cookie = static_cast<uint64_t>(message.id.idiag_cookie[1]) << 32 | message.id.idiag_cookie[0];
  const size_t fixed = NLMSG_ALIGN(sizeof message);
  if (size > fixed) owner.cgroup_id = FindCgroupId(data + fixed, size - fixed);
  return owner;
}

}  // namespace

SockDiagRequest BuildSockDiagRequest(const SocketTuple& tuple, uint32_t sequence) {
  SockDiagRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_seq = sequence;
  // A client with a dual-stack socket (v4-mapped addresses) is also found by an AF_INET request.
  const bool v4 = tuple.local.family == Endpoint::Family::kIPv4;
  request.body.sdiag_family = v4 ? AF_INET : AF_INET6;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0u;
  const size_t length = v4 ? 4 : 16;
  std::memcpy(request.body.id.idiag_src, tuple.local.address.data(), length);
  std::memcpy(request.body.id.idiag_dst, tuple.remote.address.data(), length);
  request.body.id.idiag_sport = htons(tuple.local.port);
  request.body.id.idiag_dport = htons(tuple.remote.port);
  request.body.id.idiag_cookie[0] = request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return request;
}

std::variant<SocketOwner, SockDiagFailure> ParseSockDiagAnswer(const uint8_t* data, size_t size,
                                                               const SocketTuple& tuple, uint32_t sequence) {
  if (size < sizeof(nlmsghdr)) return SockDiagFailure::kMalformed;
  const auto header = Read<nlmsghdr>(data);
  if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > size) return SockDiagFailure::kMalformed;
  if (header.nlmsg_seq != sequence) return SockDiagFailure::kOtherSocket;
  const uint8_t* payload = data + NLMSG_HDRLEN;
  const size_t payload_size = header.nlmsg_len - NLMSG_HDRLEN;
  if (header.nlmsg_type == NLMSG_ERROR) {
    return payload_size < sizeof(nlmsgerr) ? SockDiagFailure::kMalformed : SockDiagFailure::kNotFound;
  }
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return SockDiagFailure::kMalformed;
  return ReadSocket(payload, payload_size, tuple);
}

}  // namespace oximy
