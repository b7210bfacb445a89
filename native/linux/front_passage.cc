#include "front_passage.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <cerrno>

namespace oximy {
namespace {

constexpr uint32_t kReadable = EPOLLIN | EPOLLRDHUP | EPOLLHUP;
/** Without any of these, EPOLLIN means bytes and nothing else. */
constexpr uint32_t kMoreThanBytes = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
constexpr uint32_t kWritable = EPOLLOUT | EPOLLHUP;

void Set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

bool IsBroken(FlowState state) { return state == FlowState::kSourceBroken || state == FlowState::kTargetBroken; }

Descriptor NewSocket(const Endpoint& to) {
  const int family = to.family == Endpoint::Family::kIPv4 ? AF_INET : AF_INET6;
  return Descriptor(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

}  // namespace

Passage::Passage(Descriptor client, const Endpoint& to, std::string preface, Clock::time_point began,
                 FlowShared& shared, Descriptor server, int error)
    : client_(std::move(client)),
      server_(server || error != 0 ? std::move(server) : NewSocket(to)),
      up_(client_.get(), server_.get(), shared),
      down_(server_.get(), client_.get(), shared),
      began_(began) {
  if (!server_) {
    error_ = error != 0 ? error : errno;
    return;
  }
  up_.Preface(std::move(preface));
  // Sender and receiver have already batched; a second Nagle would only add delay.
  Set(client_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  Set(server_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  // Loopback needs no window for latency. By default the kernel would take up to tcp_rmem's maximum (6 to 32 MiB)
  // of an upload that the server reads slowly, where the client would otherwise have been throttled.
  Set(client_.get(), SOL_SOCKET, SO_RCVBUF, 512 << 10);
  // The client's own probes end at this machine: without ours it would never learn that the server is gone.
  Set(server_.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  Set(server_.get(), IPPROTO_TCP, TCP_KEEPIDLE, 60);
  const SocketAddress address(to);
  if (connect(server_.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) error_ = errno;
}

void Passage::Read(std::unique_ptr<Tap> tap) {
  tap_ = std::move(tap);
  up_.SetTap(tap_.get(), Tap::Way::kUp);
  down_.SetTap(tap_.get(), Tap::Way::kDown);
}

void Passage::StopTap() { Read(nullptr); }

PassageState Passage::LetGo() {
  if (!down_.IsHeldBack()) return PassageState::kWaiting;
  down_.LetGo();
  return Pump();
}

PassageState Passage::OnEvent(Side side, uint32_t events) {
  if (side == Side::kServer && (events & kReadable)) answered_ = true;
  if (!connected_) return OnEventBeforeConnected(side, events);
  Flow& from = side == Side::kClient ? up_ : down_;
  Flow& to = side == Side::kClient ? down_ : up_;
  // A reset after the end (FIN) is reported here only: there is nothing left to read.
  if (events & EPOLLERR) return Broken(side);
  const auto source = events & kMoreThanBytes ? Source::kUnknown : Source::kBytesOnly;
  const FlowState read = events & kReadable ? from.Pump(source) : FlowState::kBlocked;
  const bool writes = (events & kWritable) && to.Holds() && !IsBroken(read);
  const FlowState written = writes ? to.Pump() : FlowState::kBlocked;
  return side == Side::kClient ? Judge(read, written) : Judge(written, read);
}

PassageState Passage::OnEventBeforeConnected(Side side, uint32_t events) {
  if (side == Side::kClient) {
    // Its other edges are made up for by pumping both ways once the server is connected.
    return events & EPOLLERR ? PassageState::kClientReset : PassageState::kWaiting;
  }
  socklen_t length = sizeof error_;
  getsockopt(server_.get(), SOL_SOCKET, SO_ERROR, &error_, &length);
  if (error_ != 0) return PassageState::kConnectFailed;
  if ((events & EPOLLOUT) == 0) return PassageState::kWaiting;
  connected_ = true;
  return Pump();
}

PassageState Passage::Pump() {
  if (!connected_) return PassageState::kWaiting;
  const FlowState up = up_.Pump();
  // To the other flow, a broken socket would look like an end: see Flow::PumpLast().
  return Judge(up, IsBroken(up) ? FlowState::kBlocked : down_.Pump());
}

PassageState Passage::Judge(FlowState up, FlowState down) {
  if (up == FlowState::kSourceBroken || down == FlowState::kTargetBroken) return Broken(Side::kClient);
  if (up == FlowState::kTargetBroken || down == FlowState::kSourceBroken) return Broken(Side::kServer);
  if (up_.Ended() && down_.Ended()) return PassageState::kEnded;
  return up == FlowState::kMore || down == FlowState::kMore ? PassageState::kMore : PassageState::kWaiting;
}

PassageState Passage::Broken(Side side) {
  // Bytes received before a socket broke can still be read: a server's last answer comes before its reset.
  (side == Side::kClient ? up_ : down_).PumpLast();
  return side == Side::kClient ? PassageState::kClientReset : PassageState::kServerReset;
}

void Passage::Abort() {
  CloseWillReset(client_.get());
  if (server_) CloseWillReset(server_.get());
}

}  // namespace oximy
