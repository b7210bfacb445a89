#include "darwin/natlook.h"

#include <arpa/inet.h>

#include <algorithm>

namespace oximy {
namespace {

// Numbers of macOS, written out because AF_INET6 is another one where the tests run.
constexpr uint8_t kAfInet = 2;
constexpr uint8_t kAfInet6 = 30;
constexpr uint8_t kProtocolTcp = 6;

}  // namespace

xnu::pfioc_natlook BuildNatLook(const Endpoint& client, const Endpoint& listener, PfDirection direction) {
  xnu::pfioc_natlook question{};
  std::copy(client.address.begin(), client.address.end(), question.saddr);
  std::copy(listener.address.begin(), listener.address.end(), question.daddr);
  question.sxport[0] = htons(client.port);
  question.dxport[0] = htons(listener.port);
  question.af = client.family == Endpoint::Family::kIPv4 ? kAfInet : kAfInet6;
  question.proto = kProtocolTcp;
  question.direction = static_cast<uint8_t>(direction);
  return question;
}

std::optional<Endpoint> ReadNatLook(const xnu::pfioc_natlook& answer) {
  const uint16_t port = ntohs(answer.rdxport[0]);
  if (port == 0) return std::nullopt;
  if (answer.af == kAfInet) return FromIPv4(answer.rdaddr, port);
  if (answer.af == kAfInet6) return FromIPv6(answer.rdaddr, port);
  return std::nullopt;
}

}  // namespace oximy
