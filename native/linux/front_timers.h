#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "front_socket.h"

namespace oximy {

/** At most one deadline per id. */
class Timers {
 public:
  void Set(uint64_t id, Clock::time_point when) {
    Clear(id);
    deadlines_.emplace(id, when);
    order_.emplace(when, id);
  }
  void Clear(uint64_t id) {
    const auto found = deadlines_.find(id);
    if (found == deadlines_.end()) return;
    order_.erase({found->second, id});
    deadlines_.erase(found);
  }
  std::optional<Clock::time_point> Next() const {
    return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
  }
  /** Removes and returns one that is due. */
  std::optional<uint64_t> Due(Clock::time_point now) {
    if (order_.empty() || order_.begin()->first > now) return std::nullopt;
    const uint64_t id = order_.begin()->second;
    Clear(id);
    return id;
  }

 private:
  std::unordered_map<uint64_t, Clock::time_point> deadlines_;
  std::set<std::pair<Clock::time_point, uint64_t>> order_;
};

}  // namespace oximy
