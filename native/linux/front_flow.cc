#include "front_flow.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

namespace oximy {
namespace {

/** Copying costs less per connection, splicing less per byte; this is about the break-even point. */
constexpr uint64_t kCopyFirst = 256 << 10;
/** Bytes moved before other connections get their turn: about a millisecond. */
constexpr uint64_t kShare = 1 << 20;

/** EINTR cannot occur: the thread blocks all signals, and no call here sleeps. */
bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

Flow::~Flow() { ReturnPipe(); }

void Flow::ReturnPipe() {
  if (pipe_) shared_.pipes.Give(std::move(pipe_));
}

void Flow::SetTap(Tap* tap, Tap::Way way) {
  tap_ = tap;
  way_ = way;
}

FlowState Flow::Pump(Source source) {
  waits_for_tap_ = false;
  if (ended_) return FlowState::kEnded;
  if (held_back_) return FlowState::kBlocked;
  // splice returns EAGAIN both for an empty source and for a full pipe: only when neither draining nor filling has
  // moved anything is every readiness used up, and the next edge certain to come.
  for (const uint64_t share = bytes_ + kShare; bytes_ < share;) {
    const Step drained = Drain();
    if (drained == Step::kBroken) return FlowState::kTargetBroken;
    const Step filled = source_ended_ ? Step::kNothing : Fill();
    if (filled == Step::kBroken) return FlowState::kSourceBroken;
    if (filled == Step::kEnd && source_broke_) return FlowState::kSourceBroken;
    if (filled == Step::kEnd) {
      source_ended_ = true;
      if (tap_ != nullptr) tap_->End(way_);
    }
    if (source_ended_ && !Holds()) {
      ended_ = true;
      return shutdown(target_, SHUT_WR) == 0 ? FlowState::kEnded : FlowState::kTargetBroken;
    }
    if (drained == Step::kNothing && filled == Step::kNothing) return FlowState::kBlocked;
    if (source == Source::kBytesOnly && read_short_ && !Holds()) return FlowState::kBlocked;
  }
  return FlowState::kMore;
}

void Flow::PumpLast() {
  held_back_ = false;
  source_broke_ = true;
  while (Pump() == FlowState::kMore) {
  }
}

Flow::Step Flow::Drain() {
  if (!pending_.empty()) {
    size_t sent = 0;
    const Step step = Send(pending_.data(), pending_.size(), sent);
    if (sent == pending_.size()) {
      pending_ = std::string();
    } else {
      pending_.erase(0, sent);
    }
    return step;
  }
  if (!pipe_) return Step::kNothing;
  const ssize_t n = splice(pipe_->out.get(), nullptr, target_, nullptr, pipe_->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n <= 0) return n < 0 && WouldBlock() ? Step::kNothing : Step::kBroken;
  pipe_->held -= n;
  bytes_ += n;
  // Held only while bytes are in flight: idle connections share few pipes.
  if (pipe_->held == 0) ReturnPipe();
  return Step::kMoved;
}

Flow::Step Flow::Fill() {
  read_short_ = false;
  if (!pending_.empty()) return Step::kNothing;
  if (!pipe_ && can_splice_ && bytes_ >= kCopyFirst && !IsTapped()) pipe_ = shared_.pipes.Take();
  return pipe_ ? Splice() : Copy();
}

Flow::Step Flow::Splice() {
  const ssize_t n = splice(source_, nullptr, pipe_->in.get(), nullptr, Pipe::kSize, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n > 0) {
    pipe_->held += n;
    return Step::kMoved;
  }
  const bool blocked = n < 0 && WouldBlock();
  const bool unable = n < 0 && errno == EINVAL;
  if (n < 0 && !blocked && !unable) return Step::kBroken;
  if (pipe_->held > 0) return Step::kNothing;
  ReturnPipe();
  if (blocked) return Step::kNothing;
  // Zero means the end or an urgent-data mark, which splice does not cross: recv distinguishes them.
  can_splice_ = false;
  return Copy();
}

Flow::Step Flow::Copy() {
  // With a tap the bytes are read directly into its memory: nothing is copied twice.
  char* room = tap_ != nullptr ? tap_->Room() : nullptr;
  const bool tapped = room != nullptr;
  if (!tapped && IsTapped()) {
    if (!source_broke_) {
      waits_for_tap_ = true;
      return Step::kNothing;
    }
    tap_->GiveUp();
  }
  if (!tapped) room = shared_.buffer.data();
  const ssize_t n = recv(source_, room, shared_.buffer.size(), 0);
  if (n == 0) return Step::kEnd;
  if (n < 0) return WouldBlock() ? Step::kNothing : Step::kBroken;
  read_short_ = static_cast<size_t>(n) < shared_.buffer.size();
  const auto at = tapped ? Clock::now() : Clock::time_point();
  size_t sent = 0;
  // A target that is full or broken is detected again when the rest is drained.
  Send(room, n, sent);
  pending_.assign(room + sent, n - sent);
  if (tapped) tap_->Push(way_, n, at);
  return Step::kMoved;
}

Flow::Step Flow::Send(const char* bytes, size_t length, size_t& sent) {
  const ssize_t n = send(target_, bytes, length, MSG_NOSIGNAL);
  if (n < 0) return WouldBlock() ? Step::kNothing : Step::kBroken;
  sent = n;
  bytes_ += n;
  return Step::kMoved;
}

}  // namespace oximy
