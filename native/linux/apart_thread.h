#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace oximy {

/**
 * A thread with a table of descriptors of its own. The kernel may make it wait for as long as somebody else likes: when
 * it closes a socket of netfilter's, for whoever changes rules in that network. Nobody waits with it, also when the
 * process is killed: then each table's descriptors are closed by a thread that has that table.
 */
class ApartThread {
 public:
  /**
   * It has these descriptors, and no others; the caller has them too, and closes his first, so that the last one is
   * closed by the thread. In the network of a descriptor, or where the caller is. Throws std::system_error.
   */
  explicit ApartThread(const std::vector<int>& kept, int network = -1);
  /** It ends after what it was given. That is not waited for. */
  ~ApartThread();
  ApartThread(const ApartThread&) = delete;
  ApartThread& operator=(const ApartThread&) = delete;

  /** One after the other. Descriptors that this makes are closed there. */
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
