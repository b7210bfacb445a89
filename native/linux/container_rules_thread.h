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

/** What threads apart have done, told to one that waits for a descriptor (eventfd) to become readable. */
class Completions {
 public:
  /** The descriptor is the caller's; each thread that tells has a copy of the same number. */
  explicit Completions(int event) : event_(event) {}
  void Add(std::function<void()> completion);
  std::vector<std::function<void()>> Take();

 private:
  const int event_;
  std::mutex lock_;
  std::vector<std::function<void()>> completions_;
};

/** Netlink addresses of the sockets that change rules in one network: by them our own changes are told from others'. */
class RuleAddresses {
 public:
  /** Four in a row that nobody is likely to have. */
  RuleAddresses();
  uint32_t keep() const { return first_; }
  uint32_t trial() const { return first_ + 1; }
  uint32_t all() const { return first_ + 2; }
  bool Has(uint32_t address) const { return (address & ~3U) == first_; }

 private:
  uint32_t first_;
};

/** A socket of netfilter's with this address (0: any), where the thread is. Without descriptor: errno. */
int OpenNetfilter(uint32_t address, uint32_t groups = 0);

/**
 * Changes our rules in one container's network, one change after the other, on a thread of its own: whoever is root
 * there can make the kernel wait as long as he likes, and only what is ours in that network waits then.
 */
class ContainerRulesThread {
 public:
  struct Sockets {
    int network;
    /** With the address that is meant for it. */
    int keep;
    /** Kept to be closed last. */
    int watch;
    int event;
  };
  /** Throws std::system_error. */
  ContainerRulesThread(const Sockets& sockets, const RuleAddresses& addresses,
                       std::shared_ptr<Completions> completions);
  ~ContainerRulesThread();

  /** 0 or errno comes among the completions. Those for all take the place of those for a trial. */
  void Install(const ContainerRules& rules, std::function<void(int error)> done);
  /** After what was asked before. */
  void Remove();
  /** Others have changed theirs: what is asked for all by who does not know of it comes to nothing. */
  void NoteChange();
  bool TakeChange() { return owned_->is_changed.exchange(false); }
  /** The same, and who asks next is told too. */
  bool IsChanged() const { return owned_->is_changed; }
  /** Told when none of our rules is there any more. */
  void WhenRemoved(std::function<void()> removed);
  /** Whether they are all gone by then. Nothing is asked of it after that. */
  bool AwaitRemoval(std::chrono::steady_clock::time_point deadline);

 private:
  /** Descriptors of the thread's: no other one may close them. */
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
