#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "linux/secret_probe_programs.h"
#include "unique_fd.h"

namespace oximy {

using ClientRandom = uint8_t[32];

/** The handshakes whose secrets are wanted, and the kernel's two maps of them. Thread-safe. */
class WantedHandshakes {
 public:
  using Clock = std::chrono::steady_clock;

  /** A handshake that got no secret, although its process made secrets with an unwanted random. */
  struct Missed {
    uint32_t site;
  };

  /** Check with `ok()`; the reason is in errno. */
  explicit WantedHandshakes(std::chrono::milliseconds longest);

  bool ok() const { return processes_ && randoms_; }
  int processes() const { return processes_.get(); }
  int randoms() const { return randoms_.get(); }

  bool Want(uint32_t watch, uint32_t process, const ClientRandom& random);
  /** Returns a missed handshake, if any. */
  std::optional<Missed> Unwant(uint32_t watch);
  /** Removes those past their deadline. */
  std::vector<Missed> Expire();
  /** The next deadline; nothing when none is wanted. */
  std::optional<Clock::time_point> NextExpiry() const;

  /** Records that it got a secret; false when it is no longer wanted. */
  bool Got(uint32_t watch);
  struct Watch {
    uint32_t id;
    ClientRandom random;
  };
  std::vector<Watch> Of(uint32_t process) const;
  size_t Count() const;

 private:
  struct Handshake {
    uint32_t process;
    ClientRandom random;
    Clock::time_point until;
    bool has_secret;
  };
  using Handshakes = std::unordered_map<uint32_t, Handshake>;

  std::optional<Missed> Remove(Handshakes::iterator at);

  std::chrono::milliseconds longest_;
  UniqueFd processes_;
  UniqueFd randoms_;
  mutable std::mutex mutex_;
  Handshakes handshakes_;
  /** Process → number of its wanted handshakes. */
  std::unordered_map<uint32_t, uint32_t> per_process_;
};

}  // namespace oximy
