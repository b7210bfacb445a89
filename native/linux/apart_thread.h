#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace oximy {

/**
 * A thread with its own descriptor table. The kernel may block it for as long as somebody else likes: closing a
 * netfilter socket waits for whoever is changing rules in that network. Nothing else is blocked by that, even when the
 * process is killed: each table's descriptors are then closed by a thread that owns the table.
 */
class ApartThread {
 public:
  /**
   * The thread has these descriptors and no others; the caller has them too, and closes its own first, so that the
   * thread closes the last one. Runs in the network of a descriptor, or in the caller's. Throws std::system_error.
   */
  explicit ApartThread(const std::vector<int>& kept, int network = -1);
  /** The thread ends after the posted work; the destructor does not wait for it. */
  ~ApartThread();
  ApartThread(const ApartThread&) = delete;
  ApartThread& operator=(const ApartThread&) = delete;

  /** In order. Descriptors created by the work are closed on that thread. */
  void Post(std::function<void()> work);

 private:
  struct Shared {
    std::mutex lock;
    std::condition_variable changed;
    std::deque<std::function<void()>> work;
    bool has_begun = false;
    bool is_ending = false;
    int error = 0;
  };
  static void Run(const std::shared_ptr<Shared>& shared, std::vector<int> kept, int network);

  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace oximy
