#include "linux/secret_probe_wanted.h"

#include <algorithm>
#include <cstring>

#include "linux/bpf_syscall.h"

namespace oximy {
namespace {

/** More than there can be connections in a handshake at a time. 0.6 MB of kernel memory. */
constexpr uint32_t kMaxHandshakes = 4096;

}  // namespace

WantedHandshakes::WantedHandshakes(std::chrono::milliseconds longest)
    : longest_(longest),
      processes_(bpf::CreateMap(bpf::MapType::kHash, sizeof(uint32_t), sizeof(WatchedProcess), kMaxHandshakes)),
      randoms_(bpf::CreateMap(bpf::MapType::kHash, sizeof(ClientRandom), sizeof(uint32_t), kMaxHandshakes)) {}

bool WantedHandshakes::Want(uint32_t watch, uint32_t process, const ClientRandom& random) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto old = handshakes_.find(watch); old != handshakes_.end()) Remove(old);
  if (!bpf::Update(randoms_.get(), &random, &watch)) return false;
  if (per_process_.count(process) == 0) {
    const WatchedProcess fresh;
    if (!bpf::Update(processes_.get(), &process, &fresh)) {
      bpf::Delete(randoms_.get(), &random);
      return false;
    }
  }
  per_process_[process]++;
  Handshake handshake{process, {}, Clock::now() + longest_, false};
  std::memcpy(handshake.random, random, sizeof handshake.random);
  handshakes_.emplace(watch, handshake);
  return true;
}

std::optional<WantedHandshakes::Missed> WantedHandshakes::Remove(Handshakes::iterator at) {
  const Handshake handshake = at->second;
  const uint32_t watch = at->first;
  handshakes_.erase(at);
  // A hello that is sent again (by another connection) belongs to the later watch.
  uint32_t owner = 0;
  if (bpf::LookUp(randoms_.get(), &handshake.random, &owner) && owner == watch) {
    bpf::Delete(randoms_.get(), &handshake.random);
  }
  WatchedProcess process;
  bpf::LookUp(processes_.get(), &handshake.process, &process);
  if (const auto count = per_process_.find(handshake.process); --count->second == 0) {
    per_process_.erase(count);
    bpf::Delete(processes_.get(), &handshake.process);
  }
  if (handshake.has_secret || process.refused == 0) return std::nullopt;
  return Missed{static_cast<uint32_t>(process.refused_site)};
}

std::optional<WantedHandshakes::Missed> WantedHandshakes::Unwant(uint32_t watch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = handshakes_.find(watch);
  return at == handshakes_.end() ? std::nullopt : Remove(at);
}

std::vector<WantedHandshakes::Missed> WantedHandshakes::Expire() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto now = Clock::now();
  std::vector<Missed> missed;
  for (auto at = handshakes_.begin(); at != handshakes_.end();) {
    const auto next = std::next(at);
    if (at->second.until <= now) {
      if (const auto miss = Remove(at)) missed.push_back(*miss);
    }
    at = next;
  }
  return missed;
}

std::optional<WantedHandshakes::Clock::time_point> WantedHandshakes::NextExpiry() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::optional<Clock::time_point> next;
  for (const auto& [watch, handshake] : handshakes_) {
    next = next ? std::min(*next, handshake.until) : handshake.until;
  }
  return next;
}

bool WantedHandshakes::Got(uint32_t watch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = handshakes_.find(watch);
  if (at == handshakes_.end()) return false;
  at->second.has_secret = true;
  return true;
}

std::vector<WantedHandshakes::Watch> WantedHandshakes::Of(uint32_t process) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Watch> watches;
  if (per_process_.count(process) == 0) return watches;
  for (const auto& [id, handshake] : handshakes_) {
    if (handshake.process != process) continue;
    watches.push_back({id, {}});
    std::memcpy(watches.back().random, handshake.random, sizeof handshake.random);
  }
  return watches;
}

size_t WantedHandshakes::Count() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return handshakes_.size();
}

}  // namespace oximy
