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
  /** File offset, as uprobes count. */
  uint64_t offset = 0;
};

/** The key log labels needed to read connections. The numbers are those in the frames. */
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

/** Not proven by the client random: a secret of the watched process that may belong to another connection. */
constexpr uint16_t kCandidateFlag = 1;

/**
 * What is written to the descriptor for each secret, numbers little-endian (read by src/secrets/secret-frame.ts).
 * `secret` is zero beyond `length`, which is 32 or 48.
 */
struct SecretFrame {
  uint32_t watch;
  SecretLabel label;
  uint8_t length;
  uint16_t flags;
  uint8_t secret[64];
};
static_assert(sizeof(SecretFrame) == 72 && offsetof(SecretFrame, secret) == 8);

/** How probes are attached: one link for many sites (Linux 6.6), or one perf event per site (Linux 5.8). */
enum class ProbeMethod : uint8_t { kBest, kMulti, kPerf };

struct SecretProbeOptions {
  ProbeMethod method = ProbeMethod::kBest;
  /** A wanted handshake is dropped after this time. */
  uint32_t wanted_ms = 10'000;
};

/** Totals since the start, except `probes`, `wanted` and `places`, which are current. */
struct SecretProbeStats {
  uint64_t probes = 0;
  /** Handshakes whose secrets are wanted. */
  uint64_t wanted = 0;
  /** Sites where the location of the client random in the connection is known. */
  uint64_t places = 0;
  /** Secrets that left the kernel. */
  uint64_t records = 0;
  /** Frames written, of proven secrets and of candidates. */
  uint64_t forwarded = 0;
  uint64_t candidates = 0;
  /** Secrets that left the kernel but are no longer wanted. */
  uint64_t foreign = 0;
  /** Secrets that encrypt no records; they only leave the kernel when it cannot read their label. */
  uint64_t unneeded = 0;
  /** Frames dropped because the descriptor was full. */
  uint64_t dropped = 0;
  /** Secrets that stayed in the kernel: another process's, another connection's, unreadable, or the ring was full. */
  uint64_t refused_by_process = 0;
  uint64_t refused_by_random = 0;
  uint64_t unreadable = 0;
  uint64_t lost = 0;
};

/**
 * Copies the TLS secrets of wanted handshakes out of the processes that make them, and writes them to a descriptor.
 * Nothing outlives the process that holds this: the kernel removes the probes with the last descriptor. That process
 * holds secrets in memory (locked, excluded from core dumps, wiped after use); setting PR_SET_DUMPABLE is up to it.
 */
class SecretProbes {
 public:
  /** Tries it: empty when it works, else the reason why not. */
  static std::string Support(ProbeMethod method);
  /** Works on a duplicate of the descriptor and makes it non-blocking. Throws std::system_error. */
  static std::shared_ptr<SecretProbes> Start(int secrets, const SecretProbeOptions& options);

  virtual ~SecretProbes() = default;

  /**
   * Places the probes of one file and returns a handle. Blocks for 4 to 30 ms: not for an event loop. `key` identifies
   * the file's content and what has been learned about it. Takes ownership of the descriptor. Throws std::system_error.
   */
  virtual uint32_t Attach(int file, const std::string& key, const std::vector<ProbeSite>& sites) = 0;
  /** Removes them asynchronously. */
  virtual void Detach(uint32_t handle) = 0;

  /**
   * From now on secrets of the handshake with this client random, by this process, are forwarded as those of `watch`.
   * False when there are too many.
   */
  virtual bool Want(uint32_t watch, uint32_t process, const uint8_t (&random)[32]) = 0;
  virtual void Unwant(uint32_t watch) = 0;

  virtual SecretProbeStats Stats() const = 0;
  /** Removes all probes and ends the threads. Nothing is written afterwards. */
  virtual void Close() = 0;
};

}  // namespace oximy
