#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace oximy {

/** What the registers hold at a site (src/secrets/site.ts: SiteKind). */
enum class SiteKind : uint8_t { kKeylog, kGo, kRustlsWillLog, kRustlsLog, kNssHmacCreate, kNssHmacInit };

struct ProbeSite {
  SiteKind kind = SiteKind::kKeylog;
  /** In the file, as uprobes count. */
  uint64_t offset = 0;
};

/** The labels of the key log format that connections are read with. The numbers are those of the frames. */
enum class SecretLabel : uint8_t {
  kUnknown = 0,
  kClientRandom = 1,
  kClientEarlyTraffic = 2,
  kClientHandshakeTraffic = 3,
  kServerHandshakeTraffic = 4,
  kClientTraffic0 = 5,
  kServerTraffic0 = 6,
  /** Never forwarded: no record is encrypted with it. */
  kExporter = 7,
};

/** Not proven by the client's random: one secret of the watched process, which may belong to another connection. */
constexpr uint16_t kCandidateFlag = 1;

/**
 * What is written to the descriptor for each secret, numbers in little-endian order (src/secrets/secret-frame.ts reads
 * it). `secret` is zero beyond `length`, which is 32 or 48.
 */
struct SecretFrame {
  uint32_t watch;
  SecretLabel label;
  uint8_t length;
  uint16_t flags;
  uint8_t secret[64];
};
static_assert(sizeof(SecretFrame) == 72 && offsetof(SecretFrame, secret) == 8);

/** How probes are attached: one link for many places (Linux 6.6), or one perf event for each (Linux 5.8). */
enum class ProbeMethod : uint8_t { kBest, kMulti, kPerf };

struct SecretProbeOptions {
  ProbeMethod method = ProbeMethod::kBest;
  /** A wanted handshake that nobody gives up is given up then. */
  uint32_t wanted_ms = 10'000;
};

/** Counted since the start, but for `probes`, `wanted` and `places`: what there is now. */
struct SecretProbeStats {
  uint64_t probes = 0;
  /** Handshakes whose secrets are wanted. */
  uint64_t wanted = 0;
  /** Sites of which it is known where the connection keeps the client's random. */
  uint64_t places = 0;
  /** Secrets that left the kernel. */
  uint64_t records = 0;
  /** Frames written, of proven secrets and of candidates. */
  uint64_t forwarded = 0;
  uint64_t candidates = 0;
  /** Secrets that left the kernel, but nobody wants them any more. */
  uint64_t foreign = 0;
  /** Secrets that no record is encrypted with; they only leave the kernel when it cannot read their label. */
  uint64_t unneeded = 0;
  /** Frames that the descriptor had no room for. */
  uint64_t dropped = 0;
  /** Secrets that stayed in the kernel: another process's, another connection's, not readable, no room in the ring. */
  uint64_t refused_by_process = 0;
  uint64_t refused_by_random = 0;
  uint64_t unreadable = 0;
  uint64_t lost = 0;
};

/**
 * Copies the TLS secrets of wanted handshakes out of the processes that make them, and writes them to a descriptor.
 * Nothing outlives the process that holds this: the kernel removes the probes with the last descriptor. That process
 * holds secrets in memory (locked, left out of core dumps, wiped after use); PR_SET_DUMPABLE is its own to set.
 */
class SecretProbes {
 public:
  /** Why it cannot work here, by trying; empty when it can. */
  static std::string Support(ProbeMethod method);
  /** Works on a duplicate of the descriptor and makes it non-blocking. Throws std::system_error. */
  static std::shared_ptr<SecretProbes> Start(int secrets, const SecretProbeOptions& options);

  virtual ~SecretProbes() = default;

  /**
   * Places the probes of one file and answers a handle. Blocks for 4 to 30 ms: not for an event loop. `key` names the
   * file's content; what was learned of it is remembered by that. Takes the descriptor over. Throws std::system_error.
   */
  virtual uint32_t Attach(int file, const std::string& key, const std::vector<ProbeSite>& sites) = 0;
  /** Removes them, soon and elsewhere. */
  virtual void Detach(uint32_t handle) = 0;

  /**
   * From now on secrets of the handshake with this client random, by this process, are forwarded as those of `watch`.
   * False when there are too many.
   */
  virtual bool Want(uint32_t watch, uint32_t process, const uint8_t (&random)[32]) = 0;
  virtual void Unwant(uint32_t watch) = 0;

  virtual SecretProbeStats Stats() const = 0;
  /** Removes all probes and ends the threads. Nothing is written after it. */
  virtual void Close() = 0;
};

}  // namespace oximy
