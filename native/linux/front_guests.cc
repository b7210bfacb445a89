/**
 * Connections of containers, whose networks root holds: root sends us a listener in each, and for each connection a
 * socket to the server that was created there. None of it waits for JavaScript.
 */
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <vector>

#include "front_loop.h"
#include "original_destination.h"

namespace oximy {
namespace {

/**
 * Root responds within a millisecond, later on a starved machine; if it has gone, the channel closes. There is no
 * other way to the server, and waiting is better for a client than a reset.
 */
constexpr std::chrono::milliseconds kUpstreamLimit{10'000};

}  // namespace

/** Root creates the socket to the server while the client sends its first bytes. */
void FrontLoop::WelcomeGuest(uint64_t id, Peeking& peeking) {
  const int fd = peeking.socket.get();
  peeking.destination = OriginalDestination(fd);
  // Connection tracking returns this for connections that no rule has redirected.
  if (peeking.destination == LocalEndpoint(fd)) peeking.destination.reset();
  if (!WantUpstream(id, peeking)) return TurnAwayLost(id);
  if (peeking.destination) return PeekAt(id, peeking, 0);
  timers_.Set(id, Clock::now() + kUpstreamLimit);
}

void FrontLoop::TakeGuestMessages() {
  for (;;) {
    ReceivedGuestMessage received;
    switch (ReceiveGuestMessage(guests_.get(), received)) {
      case GuestReceipt::kNothing:
        return;
      case GuestReceipt::kEnded:
        return EndGuests();
      case GuestReceipt::kMessage:
        break;
    }
    const GuestMessage& message = received.message;
    switch (message.kind) {
      case GuestKind::kAdd:
        AddGuest(received);
        break;
      case GuestKind::kRemove:
        RemoveGuest(message.network);
        break;
      case GuestKind::kUpstream:
        TakeUpstream(message,
                     received.descriptors.empty() ? Descriptor() : Descriptor(received.descriptors[0].release()));
        break;
      case GuestKind::kWant:
        break;
    }
  }
}

/** Closing it waits for whoever is changing rules in that network: done on a thread of its own. */
FrontLoop::GuestKeep FrontLoop::Keep(Descriptor descriptor) {
  try {
    // The thread has a copy.
    return {std::make_unique<ApartThread>(std::vector<int>{descriptor.get()}), Descriptor()};
  } catch (const std::system_error&) {
    return {nullptr, std::move(descriptor)};  // no thread available
  }
}

void FrontLoop::AddGuest(ReceivedGuestMessage& received) {
  const uint32_t network = received.message.network;
  for (size_t i = 0; i < received.descriptors.size(); i++) {
    Descriptor descriptor(received.descriptors[i].release());
    if (i == 0) {
      guest_keeps_[network] = Keep(std::move(descriptor));
      continue;
    }
    const uint64_t id = next_id_++;
    if (accepting_) Watch(descriptor.get(), id, Passage::Side::kClient, EPOLLIN);
    guest_listeners_.emplace(id, GuestListener{std::move(descriptor), network});
  }
}

/** Its connections continue, but are no longer kept translated: their other end is gone. */
void FrontLoop::RemoveGuest(uint32_t network) {
  for (auto guest = guest_listeners_.begin(); guest != guest_listeners_.end();) {
    guest = guest->second.network == network ? guest_listeners_.erase(guest) : std::next(guest);
  }
  guest_keeps_.erase(network);
}

bool FrontLoop::WantUpstream(uint64_t id, const Peeking& peeking) {
  if (!guests_) return false;
  GuestMessage message{};
  message.kind = GuestKind::kWant;
  message.network = peeking.network;
  message.connection = id;
  message.peer = AsIPv6(peeking.peer);
  message.peer_port = peeking.peer.port;
  if (peeking.destination) {
    message.destination = AsIPv6(*peeking.destination);
    message.destination_port = peeking.destination->port;
  }
  if (unsent_wants_.empty()) {
    if (SendGuestMessage(guests_.get(), message, {}, MSG_DONTWAIT)) return true;
    if (errno != EAGAIN) return false;
    // A burst of connections is faster than root, which makes a socket for each.
    WatchGuests(EPOLLIN | EPOLLOUT);
  }
  unsent_wants_.push_back(message);
  return true;
}

void FrontLoop::SendUnsentWants() {
  while (guests_ && !unsent_wants_.empty()) {
    if (!SendGuestMessage(guests_.get(), unsent_wants_.front(), {}, MSG_DONTWAIT)) {
      // Otherwise root has gone, which is reported as the end of the channel.
      if (errno == EAGAIN) return;
      unsent_wants_.clear();
      break;
    }
    unsent_wants_.pop_front();
  }
  if (guests_) WatchGuests(EPOLLIN);
}

void FrontLoop::WatchGuests(uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = kGuestsId * 2;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, guests_.get(), &event);
}

/** Hands the socket to wherever the connection is by now; if it has gone, the socket is closed. */
void FrontLoop::TakeUpstream(const GuestMessage& message, Descriptor upstream) {
  const uint64_t id = message.connection;
  if (const auto awaiting = awaiting_.find(id); awaiting != awaiting_.end()) {
    Command command = std::move(awaiting->second);
    awaiting_.erase(awaiting);
    command.upstream = std::move(upstream);
    const int failure = command.upstream ? 0 : ECONNABORTED;
    return BeginPassageOn(std::move(command), failure);
  }
  if (const auto peeking = peeking_.find(id); peeking != peeking_.end()) {
    peeking->second.upstream = std::move(upstream);
    if (!peeking->second.destination) LearnDestination(id, peeking->second, message);
    return;
  }
  const std::lock_guard<std::mutex> guard(lock_);
  if (const auto waiting = waiting_.find(id); waiting != waiting_.end()) {
    waiting->second.upstream = std::move(upstream);
    return;
  }
  const auto given =
      std::find_if(commands_.begin(), commands_.end(), [id](const Command& one) { return one.id == id; });
  if (given != commands_.end()) given->upstream = std::move(upstream);
}

/** The kernel redirected it before its first packet, and only root can look up where to: nothing was peeked at yet. */
void FrontLoop::LearnDestination(uint64_t id, Peeking& peeking, const GuestMessage& message) {
  // A client that connected to the listener itself has no other destination.
  if (!peeking.upstream || message.destination_port == 0) return TurnAwayLost(id);
  timers_.Clear(id);
  peeking.destination = FromIPv6(message.destination.data(), message.destination_port);
  PeekAt(id, peeking, 0);
}

/** For clients whose destination is unknown. */
void FrontLoop::TurnAwayLost(uint64_t id) {
  CloseWillReset(peeking_.at(id).socket.get());
  counts_.rejected++;
  timers_.Clear(id);
  peeking_.erase(id);
}

void FrontLoop::WaitForUpstream(Command command) {
  const uint64_t id = command.id;
  awaiting_.emplace(id, std::move(command));
  if (!guests_) return FailAwaiting(id);
  timers_.Set(id, Clock::now() + kUpstreamLimit);
}

void FrontLoop::FailAwaiting(uint64_t id) {
  const auto awaiting = awaiting_.find(id);
  Command command = std::move(awaiting->second);
  awaiting_.erase(awaiting);
  BeginPassageOn(std::move(command), ETIMEDOUT);
}

/** Root has gone, and its rules with it. Passages continue; connections without a socket get none. */
void FrontLoop::EndGuests() {
  Unwatch(guests_.get());
  guests_ = Descriptor();
  unsent_wants_.clear();
  guest_listeners_.clear();
  while (!awaiting_.empty()) FailAwaiting(awaiting_.begin()->first);
  std::vector<uint64_t> lost;
  for (const auto& [id, peeking] : peeking_) {
    if (peeking.network != 0 && !peeking.destination) lost.push_back(id);
  }
  for (const uint64_t id : lost) TurnAwayLost(id);
}

}  // namespace oximy
