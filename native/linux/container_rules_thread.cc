#include "linux/container_rules_thread.h"

#include <linux/netlink.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <utility>

namespace oximy {
namespace {

void CloseIn(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

/**
 * Waits until nobody else is changing rules in the network. Waiting by a change of our own would hold the lock of all
 * networks meanwhile (nfnetlink_rcv_batch calls valid_genid with it), and block rule changes in every other network,
 * including the machine's. Closing a socket waits without that lock (nft_rcv_nl_event).
 */
void AwaitTurn() { close(OpenNetfilter(0)); }

}  // namespace

void Completions::Add(std::function<void()> completion) {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    completions_.push_back(std::move(completion));
  }
  eventfd_write(event_, 1);
}

std::vector<std::function<void()>> Completions::Take() {
  eventfd_t count;
  eventfd_read(event_, &count);
  const std::lock_guard<std::mutex> guard(lock_);
  return std::exchange(completions_, {});
}

RuleAddresses::RuleAddresses() {
  if (getrandom(&first_, sizeof first_, 0) != static_cast<ssize_t>(sizeof first_)) first_ = 0x4f78696d;
  // Process ids, which others use as addresses, are below.
  first_ = (first_ | 0x80000000U) & ~3U;
}

int OpenNetfilter(uint32_t address, uint32_t groups) {
  const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_pid = address;
  own.nl_groups = groups;
  // The kernel identifies the owner of a table by its socket's address. Without one, no group messages are sent either.
  if (netlink < 0 || bind(netlink, reinterpret_cast<sockaddr*>(&own), sizeof own) == 0) return netlink;
  const int error = errno;
  close(netlink);
  errno = error;
  return -1;
}

ContainerRulesThread::ContainerRulesThread(const Sockets& sockets, const RuleAddresses& addresses,
                                           std::shared_ptr<Completions> completions)
    : addresses_(addresses),
      completions_(std::move(completions)),
      thread_({sockets.keep, sockets.watch, sockets.event}, sockets.network) {
  owned_->keep = sockets.keep;
}

ContainerRulesThread::~ContainerRulesThread() {
  thread_.Post([owned = owned_] { owned->Drop(); });
}

void ContainerRulesThread::Owned::Drop() {
  is_removing = false;
  CloseIn(all);
  CloseIn(trial);
}

int ContainerRulesThread::InstallIn(Owned& owned, const RuleAddresses& addresses, const ContainerRules& rules) {
  // Somebody else has changed rules since the trial: its result is void.
  if (!rules.trial && owned.is_changed) return 0;
  int& place = rules.trial ? owned.trial : owned.all;
  if (place >= 0) return 0;
  AwaitTurn();
  // Without a redirect nothing has to stay translated.
  if (!owned.is_kept && !rules.ports.empty()) {
    if (const int error = InstallKeepRules(owned.keep); error != 0) return error;
    owned.is_kept = true;
  }
  int netlink = OpenNetfilter(rules.trial ? addresses.trial() : addresses.all());
  if (netlink < 0) return errno;
  if (const int error = InstallContainerRules(netlink, rules); error != 0) {
    CloseIn(netlink);
    return error;
  }
  place = netlink;
  if (!rules.trial) CloseIn(owned.trial);
  return 0;
}

void ContainerRulesThread::Install(const ContainerRules& rules, std::function<void(int error)> done) {
  owned_->is_removing = false;  // removals from now on follow this
  thread_.Post([owned = owned_, completions = completions_, addresses = addresses_, rules, done = std::move(done)] {
    const int error = InstallIn(*owned, addresses, rules);
    completions->Add([done, error] { done(error); });
  });
}

void ContainerRulesThread::Remove() {
  // Once is enough: the pending removal follows all earlier requests.
  if (owned_->is_removing.exchange(true)) return;
  thread_.Post([owned = owned_] { owned->Drop(); });
}

void ContainerRulesThread::NoteChange() {
  owned_->is_changed = true;
  Remove();
}

void ContainerRulesThread::WhenRemoved(std::function<void()> removed) {
  thread_.Post([owned = owned_, completions = completions_, removed = std::move(removed)] {
    owned->Drop();
    completions->Add(removed);
  });
}

bool ContainerRulesThread::AwaitRemoval(std::chrono::steady_clock::time_point deadline) {
  struct Removal {
    std::mutex lock;
    std::condition_variable changed;
    bool is_done = false;
  };
  const auto removal = std::make_shared<Removal>();
  thread_.Post([owned = owned_, removal] {
    owned->Drop();
    const std::lock_guard<std::mutex> guard(removal->lock);
    removal->is_done = true;
    removal->changed.notify_all();
  });
  std::unique_lock<std::mutex> lock(removal->lock);
  return removal->changed.wait_until(lock, deadline, [&] { return removal->is_done; });
}

}  // namespace oximy
