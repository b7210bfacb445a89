/** From the verdict `passthrough` to the end of the connection. */
#include <sys/epoll.h>

#include <cerrno>

#include "front_loop.h"

namespace oximy {
namespace {

using Milliseconds = std::chrono::milliseconds;

/** Ends are reported together, with the next connection or after this time. */
constexpr Milliseconds kReportAfter{10};

}  // namespace

void FrontLoop::TakeCommands() {
  std::vector<Command> commands;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    commands.swap(commands_);
  }
  for (Command& command : commands) BeginPassage(std::move(command));
}

void FrontLoop::BeginPassage(Command command) {
  if (command.network != 0 && !command.upstream) return WaitForUpstream(std::move(command));
  BeginPassageOn(std::move(command));
}

/** For a container's connection without a socket, `error` is the reason. */
void FrontLoop::BeginPassageOn(Command command, int error) {
  const uint64_t id = command.id;
  Passing& passing = passing_[id];
  const bool is_read = command.reading.room != nullptr;
  std::string tapped = is_read ? command.preface : std::string();
  passing.passage = std::make_unique<Passage>(std::move(command.client), command.to, std::move(command.preface),
                                              command.began, shared_, std::move(command.upstream), error);
  counts_.passed++;
  timers_.Clear(id);
  Passage& passage = *passing.passage;
  if (is_read) BeginReading(id, passage, command.reading, tapped);
  if (passage.Error() != 0) return End(id, PassthroughCause::kConnectFailed);
  const bool watched = Watch(passage.ServerFd(), id, Passage::Side::kServer, kPassageEvents) &&
                       Watch(passage.ClientFd(), id, Passage::Side::kClient, kPassageEvents);
  if (!watched) return End(id, PassthroughCause::kConnectFailed);
  if (options_.idle_ms > 0) timers_.Set(id, Clock::now() + Milliseconds(options_.idle_ms));
}

void FrontLoop::PumpMore() {
  std::vector<uint64_t> ids;
  ids.swap(more_);
  for (const uint64_t id : ids) {
    if (const auto found = passing_.find(id); found != passing_.end()) After(id, found->second.passage->Pump());
  }
}

void FrontLoop::After(uint64_t id, PassageState state) {
  switch (state) {
    case PassageState::kWaiting:
      return WaitForTap(id);
    case PassageState::kMore:
      more_.push_back(id);
      return;
    case PassageState::kEnded:
      return End(id, PassthroughCause::kEnded);
    case PassageState::kClientReset:
      return End(id, PassthroughCause::kClientReset);
    case PassageState::kServerReset:
      return End(id, PassthroughCause::kServerReset);
    case PassageState::kConnectFailed:
      return End(id, PassthroughCause::kConnectFailed);
  }
}

void FrontLoop::End(uint64_t id, PassthroughCause cause) {
  const auto found = passing_.find(id);
  Passage& passage = *found->second.passage;
  EndReading(id, passage, cause);
  // Truncated must not look complete: only when both sides ended it is a connection closed in order.
  if (cause != PassthroughCause::kEnded) passage.Abort();
  PassthroughEnd end;
  end.id = id;
  end.bytes_up = passage.BytesUp();
  end.bytes_down = passage.BytesDown();
  end.duration_ms = std::chrono::duration<double, std::milli>(Clock::now() - passage.Began()).count();
  end.cause = cause;
  end.error = passage.Error();
  timers_.Clear(id);
  passing_.erase(found);
  ends_.push_back(end);
  if (ends_.size() == 1) timers_.Set(kFlushTimer, Clock::now() + kReportAfter);
}

void FrontLoop::FlushEnds() {
  if (ends_.empty()) return;
  if (read_ends_) {
    // Bytes are reported before the end. While batches are not consumed, ends are not reported either.
    if (!tap_writer_.AllTaken()) return timers_.Set(kFlushTimer, Clock::now() + kReportAfter);
    tap_writer_.Flush();
    read_ends_ = false;
  }
  timers_.Clear(kFlushTimer);
  for (const PassthroughEnd& end : ends_) events_.OnPassthroughEnd(end);
  ends_.clear();
}

void FrontLoop::OnIdle(uint64_t id, Passing& passing) {
  const uint64_t bytes = passing.passage->BytesUp() + passing.passage->BytesDown();
  if (bytes == passing.bytes_then) return End(id, PassthroughCause::kIdle);
  passing.bytes_then = bytes;
  timers_.Set(id, Clock::now() + Milliseconds(options_.idle_ms));
}

void FrontLoop::DestroyAll() {
  TakeCommands();
  for (auto& [id, peeking] : peeking_) {
    CloseWillReset(peeking.socket.get());
    timers_.Clear(id);
  }
  peeking_.clear();
  {
    const std::lock_guard<std::mutex> guard(lock_);
    for (auto& [id, waiting] : waiting_) CloseWillReset(waiting.socket.get());
    counts_.waiting -= waiting_.size();
    waiting_.clear();
  }
  while (!awaiting_.empty()) FailAwaiting(awaiting_.begin()->first);
  while (!passing_.empty()) End(passing_.begin()->first, PassthroughCause::kDestroyed);
}

}  // namespace oximy
