/** From accept to the request for a verdict. Nothing is consumed and nothing is sent. */
#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "front_loop.h"
#include "front_peek.h"
#include "original_destination.h"

namespace oximy {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr int kAcceptsAtOnce = 64;
/** Without free descriptors accept fails immediately as long as clients are queued: retry later, do not spin. */
constexpr Milliseconds kAcceptPause{100};
/** How often queued clients are reset while there is no room. */
constexpr Milliseconds kTurnAwayEvery{100};
/** Limit of the wait, in multiples of `verdict_ms`, while verdicts on other connections keep arriving. */
constexpr int kMostVerdictTimes = 2;

}  // namespace

size_t FrontLoop::Held() const { return peeking_.size() + passing_.size() + awaiting_.size() + counts_.waiting; }

void FrontLoop::Accept(int listener, uint32_t network) {
  for (int i = 0; i < kAcceptsAtOnce; i++) {
    if (Held() >= options_.max_connections) return PauseAccepting();
    SocketAddress peer;
    peer.length = sizeof peer.storage;
    Descriptor socket(accept4(listener, peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EAGAIN) return;
      // accept(2): errors of that one connection, which is gone.
      if (errno == ECONNABORTED || errno == EPROTO || errno == EPERM) continue;
      accept_again_ = Clock::now() + kAcceptPause;
      timers_.Set(kAcceptTimer, accept_again_);
      return PauseAccepting();
    }
    turn_away_at_.reset();
    counts_.accepted++;
    const uint64_t id = next_id_++;
    Peeking& peeking = peeking_[id];
    peeking.socket = std::move(socket);
    peeking.peer = peer.ToEndpoint();
    peeking.accepted = Clock::now();
    peeking.network = network;
    if (network != 0) {
      WelcomeGuest(id, peeking);
      continue;
    }
    PeekAt(id, peeking, 0);
  }
}

void FrontLoop::PauseAccepting() {
  for (size_t i = 0; i < listening_.size(); i++) Unwatch(listening_[i].socket.get());
  for (const auto& [id, guest] : guest_listeners_) Unwatch(guest.socket.get());
  accepting_ = false;
  counts_.accept_pauses++;
  if (options_.turn_away_ms == 0 || turn_away_at_) return;
  turn_away_at_ = Clock::now() + Milliseconds(options_.turn_away_ms);
  timers_.Set(kTurnAwayTimer, *turn_away_at_);
}

/** A queued client considers itself connected and would hang until others leave. After a reset it can retry. */
void FrontLoop::TurnAway() {
  spare_ = Descriptor();
  const auto turn_away = [this](int listener) {
    for (int i = 0; i < kAcceptsAtOnce; i++) {
      const Descriptor socket(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) break;
      CloseWillReset(socket.get());
      counts_.turned_away++;
    }
  };
  for (const ListeningSocket& listening : listening_) turn_away(listening.socket.get());
  for (const auto& [id, guest] : guest_listeners_) turn_away(guest.socket.get());
  spare_ = Descriptor(fcntl(wake_.get(), F_DUPFD_CLOEXEC, 0));
  turn_away_at_ = Clock::now() + kTurnAwayEvery;
  timers_.Set(kTurnAwayTimer, *turn_away_at_);
}

void FrontLoop::ResumeAccepting() {
  accepting_ = true;
  for (size_t i = 0; i < listening_.size(); i++) {
    Watch(listening_[i].socket.get(), kFirstListener + i, Passage::Side::kClient, EPOLLIN);
  }
  for (const auto& [id, guest] : guest_listeners_) Watch(guest.socket.get(), id, Passage::Side::kClient, EPOLLIN);
}

void FrontLoop::StopListening() {
  if (listening_.empty()) return;
  // Clients whose handshake the kernel has completed consider themselves connected.
  for (const ListeningSocket& listening : listening_) Accept(listening.socket.get(), 0);
  listening_.clear();
  // Once root exits with us, new connections would get no socket.
  guest_listeners_.clear();
}

void FrontLoop::PeekAt(uint64_t id, Peeking& peeking, uint32_t events) {
  auto& buffer = shared_.buffer;
  static_assert(sizeof buffer >= kPeekLimit);
  const ssize_t n = recv(peeking.socket.get(), buffer.data(), kPeekLimit, MSG_PEEK);
  if (n < 0 && errno != EAGAIN) {
    counts_.aborted++;
    timers_.Clear(id);
    peeking_.erase(id);
    return;
  }
  const size_t length = n > 0 ? n : 0;
  switch (ClassifyPeek(reinterpret_cast<const uint8_t*>(buffer.data()), length)) {
    case Peek::kClientHello:
      return RequestVerdict(id, peeking, length, PeekReason::kClientHello);
    case Peek::kHttp:
      return RequestVerdict(id, peeking, length, PeekReason::kHttp);
    case Peek::kOther:
      return RequestVerdict(id, peeking, length, PeekReason::kOther);
    case Peek::kIncomplete:
      break;
  }
  if (n == 0 || (events & EPOLLRDHUP) != 0) return RequestVerdict(id, peeking, length, PeekReason::kClosed);
  const bool sent_bytes = length > 0;
  if (!peeking.in_epoll || sent_bytes != peeking.sent_bytes) {
    timers_.Set(id, peeking.accepted + Milliseconds(sent_bytes ? options_.hello_ms : options_.silence_ms));
  }
  peeking.sent_bytes = sent_bytes;
  if (peeking.in_epoll) return;
  peeking.in_epoll = Watch(peeking.socket.get(), id, Passage::Side::kClient, EPOLLIN | EPOLLRDHUP | EPOLLET);
  if (!peeking.in_epoll) RequestVerdict(id, peeking, length, PeekReason::kTimeout);
}

void FrontLoop::OnSilence(uint64_t id, Peeking& peeking) {
  if (peeking.network != 0 && !peeking.destination) return TurnAwayLost(id);
  const ssize_t n = recv(peeking.socket.get(), shared_.buffer.data(), kPeekLimit, MSG_PEEK);
  RequestVerdict(id, peeking, n > 0 ? n : 0, PeekReason::kTimeout);
}

/** `peeked` bytes are in the shared buffer. Destroys `peeking`. */
void FrontLoop::RequestVerdict(uint64_t id, Peeking& peeking, size_t peeked, PeekReason reason) {
  const int fd = peeking.socket.get();
  if (peeking.in_epoll) Unwatch(fd);
  FrontConnection connection;
  connection.id = id;
  connection.peer = peeking.peer;
  connection.local = LocalEndpoint(fd);
  connection.destination = peeking.network == 0 ? OriginalDestination(fd) : peeking.destination;
  // Connection tracking also records connections that were not redirected: their destination is this listener.
  if (connection.destination == connection.local) connection.destination.reset();
  connection.peeked.assign(shared_.buffer.data(), peeked);
  connection.reason = reason;
  const auto requested = Clock::now();
  connection.network = peeking.network;
  if (options_.verdict_ms > 0 && connection.destination) {
    timers_.Set(id, requested + Milliseconds(options_.verdict_ms));
  } else {
    timers_.Clear(id);
  }
  {
    const std::lock_guard<std::mutex> guard(lock_);
    waiting_.emplace(id, Waiting{std::move(peeking.socket), connection.destination, peeking.accepted, requested,
                                 peeking.network, std::move(peeking.upstream)});
    counts_.waiting++;
  }
  peeking_.erase(id);
  events_.OnConnection(std::move(connection));
  FlushEnds();
}

/**
 * Keeps the machine working when verdicts stop. If verdicts on others keep arriving, this one will too: it waits on,
 * within the time that clients allow for a handshake (httpx 5 s, Node's fetch and Go 10 s).
 */
void FrontLoop::OnUnanswered(uint64_t id) {
  const std::lock_guard<std::mutex> guard(lock_);
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const Milliseconds limit(options_.verdict_ms);
  const auto until = std::min(last_verdict_ + limit, found->second.requested + kMostVerdictTimes * limit);
  if (until > Clock::now()) return timers_.Set(id, until);
  auto waiting = TakeWaiting(id);
  counts_.unanswered++;
  commands_.push_back({id,
                       std::move(waiting->socket),
                       *waiting->destination,
                       {},
                       waiting->accepted,
                       {},
                       waiting->network,
                       std::move(waiting->upstream)});
  Wake();
}

}  // namespace oximy
