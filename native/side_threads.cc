#include "side_threads.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

namespace oximy {
namespace {

/** Any further waiting jobs could not run in time. */
constexpr size_t kMostWaiting = 1024;

struct Job {
  uint32_t owner;
  SideClock::time_point deadline;
  std::function<void(bool)> work;
};

struct Running {
  uint32_t owner;
  SideClock::time_point deadline;
};

class SideThreads {
 public:
  bool Run(Job job) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto now = SideClock::now();
    const auto is_late = [now](const Running& running) { return running.deadline < now; };
    if (waiting_.size() >= kMostWaiting) return false;
    if (std::any_of(running_.begin(), running_.end(),
                    [&](const Running& running) { return running.owner == job.owner && is_late(running); })) {
      return false;
    }
    const bool can_start = threads_ < kMostSideThreads;
    if (!can_start && running_.size() == static_cast<size_t>(threads_) &&
        std::all_of(running_.begin(), running_.end(), is_late)) {
      return false;
    }
    if (idle_ <= static_cast<int>(waiting_.size()) && can_start && !Start() && threads_ == 0) return false;
    waiting_.push_back(std::move(job));
    wake_.notify_one();
    return true;
  }

 private:
  bool Start() {
    try {
      std::thread([this] { Loop(); }).detach();
      threads_++;
      idle_++;
      return true;
    } catch (const std::system_error&) {
      return false;  // no thread available
    }
  }

  void Loop() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return !waiting_.empty(); });
      Job job = std::move(waiting_.front());
      waiting_.pop_front();
      idle_--;
      const auto running = running_.insert(running_.end(), {job.owner, job.deadline});
      const bool in_time = SideClock::now() < job.deadline;
      lock.unlock();
      job.work(in_time);
      job.work = nullptr;  // destroyed without holding the lock
      lock.lock();
      running_.erase(running);
      idle_++;
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  std::list<Running> running_;
  int threads_ = 0;
  int idle_ = 0;
};

}  // namespace

bool RunAside(uint32_t owner, SideClock::time_point deadline, std::function<void(bool)> work) {
  // Never destroyed: its threads may outlive main().
  static auto* const threads = new SideThreads;
  return threads->Run({owner, deadline, std::move(work)});
}

}  // namespace oximy
