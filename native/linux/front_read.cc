/** Specific to connections that are read: the tap, and holding back what the server sends. */
#include "front_loop.h"

namespace oximy {
namespace {

using Milliseconds = std::chrono::milliseconds;

/** How long the relay waits for the reader of a full tap: for its next bytes, and for half of the tap. */
constexpr Milliseconds kNextBytes{1000};
constexpr Milliseconds kHalf{2000};

TapClose CloseOf(PassthroughCause cause) {
  switch (cause) {
    case PassthroughCause::kEnded:
      return TapClose::kEnded;
    case PassthroughCause::kClientReset:
      return TapClose::kClientAborted;
    default:
      return TapClose::kServerClosed;
  }
}

}  // namespace

FrontLoop::Reading FrontLoop::NewReading(const ReadOptions& options) { return {options, std::make_shared<TapRoom>()}; }

bool FrontLoop::Read(uint64_t id, const Endpoint& to, const ReadOptions& options) {
  return Begin(id, to, NewReading(options));
}

uint64_t FrontLoop::AdoptRead(int fd, std::string preface, const Endpoint& to, const ReadOptions& options) {
  return BeginAdopted(fd, std::move(preface), to, NewReading(options));
}

void FrontLoop::Release(uint64_t id) { Request(id, ReadRequest::kRelease); }

void FrontLoop::StopTap(uint64_t id) { Request(id, ReadRequest::kStopTap); }

void FrontLoop::Request(uint64_t id, ReadRequest request) {
  const std::lock_guard<std::mutex> guard(lock_);
  if (rooms_.count(id) == 0) return;
  read_requests_.emplace_back(id, request);
  if (read_requests_.size() == 1) Wake();
}

void FrontLoop::TapConsumed(uint64_t id, uint64_t bytes) {
  const std::lock_guard<std::mutex> guard(lock_);
  if (const auto found = rooms_.find(id); found != rooms_.end()) found->second->acknowledged += bytes;
}

void FrontLoop::GiveTapBuffer(std::unique_ptr<TapBuffer> buffer) { tap_writer_.Give(std::move(buffer)); }

size_t FrontLoop::TapBuffersLeft() const { return tap_writer_.BuffersLeft(); }

void FrontLoop::BeginReading(uint64_t id, Passage& passage, const Reading& reading, const std::string& preface) {
  counts_.read++;
  auto tap = std::make_unique<Tap>(id, reading.options, reading.room, tap_writer_);
  tap->Copy(Tap::Way::kUp, preface);
  passage.Read(std::move(tap));
  if (reading.options.hold) passage.Hold();
}

void FrontLoop::EndReading(uint64_t id, Passage& passage, PassthroughCause cause) {
  holds_.Clear(id);
  full_taps_.erase(id);
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (rooms_.erase(id) == 0) return;
  }
  // Without the hold the client would already have these bytes.
  if (cause == PassthroughCause::kDestroyed || cause == PassthroughCause::kIdle) passage.LetGo();
  read_ends_ = true;
  Tap* tap = passage.GetTap();
  if (tap == nullptr) return;
  tap->Close(CloseOf(cause));
  if (tap->IsLost()) counts_.lost_taps++;
}

/** After `TakeCommands`: no request can precede its command. */
void FrontLoop::TakeReadRequests() {
  std::vector<std::pair<uint64_t, ReadRequest>> requests;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    requests.swap(read_requests_);
  }
  for (const auto& [id, request] : requests) {
    if (request == ReadRequest::kRelease) {
      LetGo(id);
    } else if (const auto found = passing_.find(id); found != passing_.end()) {
      found->second.passage->StopTap();
    }
  }
}

void FrontLoop::StartHold(uint64_t id, Passing& passing) {
  if (passing.hold_is_timed || !passing.passage->HoldsAnswer()) return;
  passing.hold_is_timed = true;
  holds_.Set(id, Clock::now() + Milliseconds(options_.hold_ms));
}

void FrontLoop::LetGo(uint64_t id) {
  const auto found = passing_.find(id);
  if (found == passing_.end()) return;
  holds_.Clear(id);
  After(id, found->second.passage->LetGo());
}

void FrontLoop::OnTapTimer() {
  tap_timer_set_ = false;
  // While batches are not consumed, no queue of small ones is built: bytes are gathered in this one.
  if (tap_writer_.AllTaken()) tap_writer_.Flush();
}

void FrontLoop::WaitForTap(uint64_t id) {
  const Passage& passage = *passing_.at(id).passage;
  const Tap* tap = passage.GetTap();
  if (tap == nullptr || !passage.WaitsForTap()) return;
  const auto now = Clock::now();
  full_taps_.emplace(id, FullTap{now, now, tap->Acknowledged()});
  // The bytes that fill it cannot be read before they are sent.
  tap_writer_.Flush();
}

void FrontLoop::LookAtFullTaps() {
  const auto now = Clock::now();
  std::vector<uint64_t> ready;
  for (auto at = full_taps_.begin(); at != full_taps_.end();) {
    auto& [id, full] = *at;
    Tap* tap = passing_.at(id).passage->GetTap();
    if (tap != nullptr && tap->IsFull()) {
      if (const uint64_t acknowledged = tap->Acknowledged(); acknowledged != full.acknowledged) {
        full.acknowledged = acknowledged;
        full.progress = now;
      }
      if (now - full.progress < kNextBytes && now - full.since < kHalf) {
        ++at;
        continue;
      }
      tap->GiveUp();
    }
    ready.push_back(id);
    at = full_taps_.erase(at);
  }
  for (const uint64_t id : ready) After(id, passing_.at(id).passage->Pump());
}

/** At the end of each turn. */
void FrontLoop::GatherTaps() {
  if (tap_timer_set_ || tap_writer_.IsEmpty()) return;
  tap_timer_set_ = true;
  timers_.Set(kTapTimer, Clock::now() + Milliseconds(options_.tap_gather_ms));
}

}  // namespace oximy
