#include "front_loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace oximy {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr int kEventsAtOnce = 256;
/** How often full taps are checked. */
constexpr int kFullTapMs = 2;

/** Descriptors left for the rest of the process. */
constexpr size_t kSpareDescriptors = 256;

size_t ConnectionLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kSpareDescriptors;
  const size_t descriptors = std::min<rlim_t>(limit.rlim_cur, 1 << 20);
  return descriptors > 2 * kSpareDescriptors ? (descriptors - kSpareDescriptors) / 2 : descriptors / 4;
}

FrontOptions WithLimit(FrontOptions options) {
  if (options.max_connections == 0) options.max_connections = ConnectionLimit();
  return options;
}

}  // namespace

bool Front::Supported() { return true; }

std::unique_ptr<Front> Front::Start(const FrontOptions& options, FrontEvents& events) {
  return std::make_unique<FrontLoop>(options, events);
}

FrontLoop::FrontLoop(const FrontOptions& options, FrontEvents& events)
    : options_(WithLimit(options)),
      events_(events),
      listening_(ListenAt(options.listen)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      guests_(options.guests),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      tap_writer_(options.epoch_offset_ms, [this](TapBatch batch) { events_.OnTap(std::move(batch)); }),
      next_id_(kFirstConnection) {
  for (const ListeningSocket& listening : listening_) addresses_.push_back(listening.bound);
  // Edge-triggered, it never needs to be read: each write is an edge.
  bool watched = epoll_ && wake_ && Watch(wake_.get(), kWakeId, Passage::Side::kClient, EPOLLIN | EPOLLET);
  for (size_t i = 0; i < listening_.size(); i++) {
    watched = watched && Watch(listening_[i].socket.get(), kFirstListener + i, Passage::Side::kClient, EPOLLIN);
  }
  watched = watched && (!guests_ || Watch(guests_.get(), kGuestsId, Passage::Side::kClient, EPOLLIN));
  if (!watched) throw std::system_error(errno, std::generic_category(), "epoll");

  spare_ = Descriptor(fcntl(wake_.get(), F_DUPFD_CLOEXEC, 0));

  // The thread blocks all signals: SIGPIPE from splice stays pending on it, in effect ignored.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] { Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

FrontLoop::~FrontLoop() {
  Destroy();
  thread_.join();
}

std::vector<Endpoint> FrontLoop::Addresses() const { return addresses_; }

std::optional<FrontLoop::Waiting> FrontLoop::TakeWaiting(uint64_t id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return std::nullopt;
  std::optional<Waiting> waiting(std::move(found->second));
  waiting_.erase(found);
  counts_.waiting--;
  return waiting;
}

std::optional<FrontLoop::Waiting> FrontLoop::TakeForVerdict(uint64_t id) {
  last_verdict_ = Clock::now();
  return TakeWaiting(id);
}

bool FrontLoop::Passthrough(uint64_t id, const Endpoint& to) { return Begin(id, to, {}); }

bool FrontLoop::Begin(uint64_t id, const Endpoint& to, Reading reading) {
  const std::lock_guard<std::mutex> guard(lock_);
  auto waiting = TakeForVerdict(id);
  if (!waiting) return false;
  if (reading.room) rooms_.emplace(id, reading.room);
  commands_.push_back({id,
                       std::move(waiting->socket),
                       to,
                       {},
                       waiting->accepted,
                       std::move(reading),
                       waiting->network,
                       std::move(waiting->upstream)});
  if (commands_.size() == 1) Wake();
  return true;
}

int FrontLoop::Take(uint64_t id) {
  const std::lock_guard<std::mutex> guard(lock_);
  auto waiting = TakeForVerdict(id);
  if (!waiting) return -1;
  counts_.taken++;
  if (ending_ != Ending::kNone || !accepting_) Wake();
  return waiting->socket.Release();
}

bool FrontLoop::Reject(uint64_t id) {
  const std::lock_guard<std::mutex> guard(lock_);
  const auto waiting = TakeForVerdict(id);
  if (!waiting) return false;
  counts_.rejected++;
  CloseWillReset(waiting->socket.get());
  if (ending_ != Ending::kNone || !accepting_) Wake();
  return true;
}

uint64_t FrontLoop::Adopt(int fd, std::string preface, const Endpoint& to) {
  return BeginAdopted(fd, std::move(preface), to, {});
}

uint64_t FrontLoop::BeginAdopted(int fd, std::string preface, const Endpoint& to, Reading reading) {
  Descriptor socket(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!socket) throw std::system_error(errno, std::generic_category(), "dup");
  const std::lock_guard<std::mutex> guard(lock_);
  if (ending_ != Ending::kNone) throw std::system_error(ECANCELED, std::generic_category(), "front is closed");
  const uint64_t id = next_id_++;
  if (reading.room) rooms_.emplace(id, reading.room);
  commands_.push_back({id, std::move(socket), to, std::move(preface), Clock::now(), std::move(reading), 0, {}});
  if (commands_.size() == 1) Wake();
  return id;
}

void FrontLoop::Close() {
  const std::lock_guard<std::mutex> guard(lock_);
  ending_ = std::max(ending_, Ending::kDrain);
  Wake();
}

void FrontLoop::Destroy() {
  const std::lock_guard<std::mutex> guard(lock_);
  ending_ = Ending::kDestroy;
  Wake();
}

FrontStats FrontLoop::Stats() const {
  FrontStats stats;
  stats.accepted = counts_.accepted;
  stats.peeking = counts_.peeking;
  stats.waiting = counts_.waiting;
  stats.passing = counts_.passing;
  stats.taken = counts_.taken;
  stats.rejected = counts_.rejected;
  stats.passed = counts_.passed;
  stats.read = counts_.read;
  stats.lost_taps = counts_.lost_taps;
  stats.aborted = counts_.aborted;
  stats.unanswered = counts_.unanswered;
  stats.accept_pauses = counts_.accept_pauses;
  stats.turned_away = counts_.turned_away;
  stats.max_connections = options_.max_connections;
  return stats;
}

bool FrontLoop::Watch(int fd, uint64_t id, Passage::Side side, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id * 2 + (side == Passage::Side::kServer ? 1 : 0);
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void FrontLoop::Unwatch(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void FrontLoop::Wake() {
  const uint64_t one = 1;
  // Fails only when the thread has a wake-up pending anyway.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

void FrontLoop::Run() {
  pthread_setname_np(pthread_self(), "oximy-front");
  epoll_event events[kEventsAtOnce];
  while (!Finished()) {
    const int n = epoll_wait(epoll_.get(), events, kEventsAtOnce, WaitMs());
    for (int i = 0; i < n; i++) OnEvent(events[i].data.u64, events[i].events);
    TakeCommands();
    TakeReadRequests();
    PumpMore();
    OnTimers();
    LookAtFullTaps();
    GatherTaps();
    if (!accepting_ && Held() < options_.max_connections && Clock::now() >= accept_again_) ResumeAccepting();
    if (!accepting_ && turn_away_at_ && Clock::now() >= *turn_away_at_) TurnAway();
    counts_.peeking = peeking_.size();
    counts_.passing = passing_.size() + awaiting_.size();
  }
  tap_writer_.Flush();
  read_ends_ = false;
  FlushEnds();
  events_.OnClosed();
}

int FrontLoop::WaitMs() const {
  if (!more_.empty()) return 0;
  if (!full_taps_.empty()) return kFullTapMs;
  auto next = timers_.Next();
  const auto let_go = holds_.Next();
  if (let_go && (!next || *let_go < *next)) next = let_go;
  if (!next) return -1;
  const auto left = std::chrono::ceil<Milliseconds>(*next - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

bool FrontLoop::Finished() {
  Ending ending;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    ending = ending_;
  }
  if (ending == Ending::kNone) return false;
  StopListening();
  if (ending == Ending::kDestroy) DestroyAll();
  const std::lock_guard<std::mutex> guard(lock_);
  return peeking_.empty() && passing_.empty() && waiting_.empty() && commands_.empty() && awaiting_.empty();
}

void FrontLoop::OnEvent(uint64_t tag, uint32_t events) {
  const uint64_t id = tag / 2;
  if (id == kWakeId) return;
  if (id == kGuestsId) {
    if (events & EPOLLOUT) SendUnsentWants();
    return TakeGuestMessages();
  }
  if (id < kFirstConnection) {
    if (accepting_ && id - kFirstListener < listening_.size()) Accept(listening_[id - kFirstListener].socket.get(), 0);
    return;
  }
  if (const auto found = passing_.find(id); found != passing_.end()) {
    const auto side = tag % 2 == 0 ? Passage::Side::kClient : Passage::Side::kServer;
    const PassageState state = found->second.passage->OnEvent(side, events);
    StartHold(id, found->second);
    After(id, state);
  } else if (const auto peeked = peeking_.find(id); peeked != peeking_.end()) {
    PeekAt(id, peeked->second, events);
  } else if (const auto guest = guest_listeners_.find(id); guest != guest_listeners_.end() && accepting_) {
    Accept(guest->second.socket.get(), guest->second.network);
  }
}

void FrontLoop::OnTimers() {
  const auto now = Clock::now();
  while (const auto id = holds_.Due(now)) LetGo(*id);
  while (const auto id = timers_.Due(now)) {
    // They ended the wait; the due work is done at the end of this turn.
    if (*id == kAcceptTimer || *id == kTurnAwayTimer) continue;
    if (*id == kFlushTimer) {
      FlushEnds();
    } else if (*id == kTapTimer) {
      OnTapTimer();
    } else if (const auto found = passing_.find(*id); found != passing_.end()) {
      OnIdle(*id, found->second);
    } else if (const auto peeked = peeking_.find(*id); peeked != peeking_.end()) {
      OnSilence(*id, peeked->second);
    } else if (awaiting_.count(*id) != 0) {
      FailAwaiting(*id);
    } else {
      OnUnanswered(*id);
    }
  }
}

}  // namespace oximy
