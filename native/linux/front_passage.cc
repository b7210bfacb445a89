#include "front_passage.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <cerrno>

namespace oximy {
namespace {

constexpr uint32_t kReadable = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr uint32_t kWritable = EPOLLOUT | EPOLLHUP | EPOLLERR;

void Set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

Descriptor NewSocket(const Endpoint& to) {
  const int family = to.family == Endpoint::Family::kIPv4 ? AF_INET : AF_INET6;
  return Descriptor(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

}  // namespace

Passage::Passage(Descriptor client, const Endpoint& to, std::string preface, Clock::time_point began,
                 FlowShared& shared)
    : client_(std::move(client)),
      server_(NewSocket(to)),
      up_(client_.get(), server_.get(), shared),
      down_(server_.get(), client_.get(), shared),
      began_(began) {
  if (!server_) {
    error_ = errno;
    return;
  }
  up_.Preface(std::move(preface));
  // Sender and receiver have batched already; a second Nagle would only add delay.
  Set(client_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  Set(server_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  // The client's own probes end at this machine: without ours it would never learn that the server is gone.
  Set(server_.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  Set(server_.get(), IPPROTO_TCP, TCP_KEEPIDLE, 60);
  const SocketAddress address(to);
  if (connect(server_.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) error_ = errno;
}

PassageState Passage::OnEvent(Side side, uint32_t events) {
  if (!connected_) {
    // The client's early edges are made up for by pumping both ways once the server is there.
    if (side == Side::kClient) return PassageState::kWaiting;
    socklen_t length = sizeof error_;
    getsockopt(server_.get(), SOL_SOCKET, SO_ERROR, &error_, &length);
    if (error_ != 0) return PassageState::kConnectFailed;
    if ((events & EPOLLOUT) == 0) return PassageState::kWaiting;
    connected_ = true;
    return Pump();
  }
  Flow& from = side == Side::kClient ? up_ : down_;
  Flow& to = side == Side::kClient ? down_ : up_;
  FlowState read = FlowState::kBlocked;
  FlowState written = FlowState::kBlocked;
  if (events & kReadable) read = from.Pump();
  if ((events & kWritable) && (to.Holds() || (events & EPOLLERR))) written = to.Pump();
  return side == Side::kClient ? Judge(read, written) : Judge(written, read);
}

PassageState Passage::Pump() {
  if (!connected_) return PassageState::kWaiting;
  const FlowState up = up_.Pump();
  return Judge(up, down_.Pump());
}

PassageState Passage::Judge(FlowState up, FlowState down) {
  const bool client_broken = up == FlowState::kSourceBroken || down == FlowState::kTargetBroken;
  const bool server_broken = up == FlowState::kTargetBroken || down == FlowState::kSourceBroken;
  if (client_broken || server_broken) {
    // What a socket received before it broke can still be read: a server's last answer comes before its reset.
    Flow& last = client_broken ? up_ : down_;
    while (last.Pump() == FlowState::kMore) {
    }
    return client_broken ? PassageState::kClientReset : PassageState::kServerReset;
  }
  if (up_.Ended() && down_.Ended()) return PassageState::kEnded;
  return up == FlowState::kMore || down == FlowState::kMore ? PassageState::kMore : PassageState::kWaiting;
}

void Passage::Abort() {
  CloseWillReset(client_.get());
  if (server_) CloseWillReset(server_.get());
}

}  // namespace oximy
