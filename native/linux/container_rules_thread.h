#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "linux/apart_thread.h"
#include "linux/container_rules.h"

namespace oximy {

/** Results of separate threads, for a thread that polls a descriptor (eventfd). */
class Completions {
 public:
  /** The descriptor belongs to the caller; each reporting thread has a copy under the same number. */
  explicit Completions(int event) : event_(event) {}
  void Add(std::function<void()> completion);
  std::vector<std::function<void()>> Take();

 private:
  const int event_;
  std::mutex lock_;
  std::vector<std::function<void()>> completions_;
};

/** Netlink addresses of the sockets that change rules in one network: they distinguish our changes from others'. */
class RuleAddresses {
 public:
  /** Four consecutive ones that are unlikely to be in use. */
  RuleAddresses();
  uint32_t keep() const { return first_; }
  uint32_t trial() const { return first_ + 1; }
  uint32_t all() const { return first_ + 2; }
  bool Has(uint32_t address) const { return (address & ~3U) == first_; }

 private:
  uint32_t first_;
};

/** A netfilter socket with this address (0: any), in the thread's network. On failure sets errno. */
int OpenNetfilter(uint32_t address, uint32_t groups = 0);

/**
 * Changes our rules in one container's network, one change at a time, on a thread of its own: root there can block the
 * kernel for as long as it likes, and only our work in that network is then blocked.
 */
class ContainerRulesThread {
 public:
  struct Sockets {
    int network;
    /** With the address reserved for it. */
    int keep;
    /** Closed last. */
    int watch;
    int event;
  };
  /** Throws std::system_error. */
  ContainerRulesThread(const Sockets& sockets, const RuleAddresses& addresses,
                       std::shared_ptr<Completions> completions);
  ~ContainerRulesThread();

  /** Posts 0 or errno to the completions. Rules for all replace those of a trial. */
  void Install(const ContainerRules& rules, std::function<void(int error)> done);
  /** After all earlier requests. */
  void Remove();
  /** Others have changed their rules: requests for all that were made without knowing it have no effect. */
  void NoteChange();
  bool TakeChange() { return owned_->is_changed.exchange(false); }
  /** Without resetting it: the next call returns it too. */
  bool IsChanged() const { return owned_->is_changed; }
  /** Called when none of our rules exists any more. */
  void WhenRemoved(std::function<void()> removed);
  /** Whether they are all gone by then. No requests may follow. */
  bool AwaitRemoval(std::chrono::steady_clock::time_point deadline);

 private:
  /** Descriptors of the thread: no other thread may close them. */
  struct Owned {
    int keep = -1;
    bool is_kept = false;
    int trial = -1;
    int all = -1;
    std::atomic<bool> is_changed{false};
    std::atomic<bool> is_removing{false};
    void Drop();
  };
  static int InstallIn(Owned& owned, const RuleAddresses& addresses, const ContainerRules& rules);

  const RuleAddresses addresses_;
  const std::shared_ptr<Completions> completions_;
  const std::shared_ptr<Owned> owned_ = std::make_shared<Owned>();
  ApartThread thread_;
};

}  // namespace oximy
