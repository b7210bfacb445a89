#include "linux/apart_thread.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <thread>
#include <utility>

namespace oximy {
namespace {

/** Linux 5.9, the same number on all architectures; in libc since glibc 2.34. */
int CloseRange(unsigned first, unsigned last) {
  constexpr long kCloseRange = 436;
  return first > last ? 0 : static_cast<int>(syscall(kCloseRange, first, last, 0));
}

/** 0 or errno. */
int KeepOnly(std::vector<int> kept) {
  if (unshare(CLONE_FILES) != 0) return errno;
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int descriptor : kept) {
    const auto number = static_cast<unsigned>(descriptor);
    if (number > 0 && CloseRange(next, number - 1) != 0) return errno;
    next = number + 1;
  }
  return CloseRange(next, UINT_MAX) == 0 ? 0 : errno;
}

}  // namespace

ApartThread::ApartThread(const std::vector<int>& kept, int network) {
  // Signals reach Node through a descriptor, which this thread does not have.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([shared = shared_, kept, network] { Run(shared, kept, network); }).detach();
  } catch (const std::system_error&) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::unique_lock<std::mutex> lock(shared_->lock);
  shared_->changed.wait(lock, [this] { return shared_->has_begun; });
  if (shared_->error != 0) throw std::system_error(shared_->error, std::generic_category(), "a thread apart");
}

ApartThread::~ApartThread() {
  const std::lock_guard<std::mutex> guard(shared_->lock);
  shared_->is_ending = true;
  shared_->changed.notify_all();
}

void ApartThread::Post(std::function<void()> work) {
  const std::lock_guard<std::mutex> guard(shared_->lock);
  shared_->work.push_back(std::move(work));
  shared_->changed.notify_all();
}

void ApartThread::Run(const std::shared_ptr<Shared>& shared, std::vector<int> kept, int network) {
  int error = network >= 0 && setns(network, CLONE_NEWNET) != 0 ? errno : 0;
  if (error == 0) error = KeepOnly(std::move(kept));
  std::unique_lock<std::mutex> lock(shared->lock);
  shared->error = error;
  shared->has_begun = true;
  shared->changed.notify_all();
  while (error == 0) {
    shared->changed.wait(lock, [&] { return !shared->work.empty() || shared->is_ending; });
    if (shared->work.empty()) return;
    auto work = std::move(shared->work.front());
    shared->work.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // destroys its captures here, too
    lock.lock();
  }
}

}  // namespace oximy
