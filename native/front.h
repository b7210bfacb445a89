#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.h"
#include "front_tap_batch.h"

namespace oximy {

/** What triggered the request for a verdict. */
enum class PeekReason : uint8_t { kClientHello, kHttp, kOther, kTimeout, kClosed };

/** A connection that waits for its verdict. None of its bytes have been consumed. */
struct FrontConnection {
  uint64_t id = 0;
  Endpoint peer;
  Endpoint local;
  /** The client's original destination; nothing when the connection was not redirected. */
  std::optional<Endpoint> destination;
  std::string peeked;
  PeekReason reason = PeekReason::kOther;
  /** The container network it came from; 0 is this machine's own. */
  uint32_t network = 0;
};

enum class PassthroughCause : uint8_t { kEnded, kClientReset, kServerReset, kConnectFailed, kIdle, kDestroyed };

struct PassthroughEnd {
  uint64_t id = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  /** Since the connection was accepted or adopted. */
  double duration_ms = 0;
  PassthroughCause cause = PassthroughCause::kEnded;
  /** errno of a failed connect; 0 otherwise. */
  int error = 0;
};

/** Events of the front, emitted on its own thread. */
class FrontEvents {
 public:
  virtual ~FrontEvents() = default;
  virtual void OnConnection(FrontConnection connection) = 0;
  /** Also for a connection that was read, after the batch with its last bytes. */
  virtual void OnPassthroughEnd(PassthroughEnd end) = 0;
  /** Bytes relayed on the connections that are read. */
  virtual void OnTap(TapBatch batch) = 0;
  /** After `Close` or `Destroy`, when the last connection has ended. No event follows. */
  virtual void OnClosed() = 0;
};

struct FrontOptions {
  std::vector<Endpoint> listen;
  /** After this long without a byte from the client, the server may speak first. */
  uint32_t silence_ms = 300;
  /** Time limit for a whole client hello or HTTP head. */
  uint32_t hello_ms = 3000;
  /**
   * A redirected connection whose verdict takes longer is passed through without one; twice this long while verdicts
   * on others keep arriving. 0 waits forever.
   */
  uint32_t verdict_ms = 2000;
  /** A passthrough that is idle in both directions for this long is closed; 0 never. */
  uint32_t idle_ms = 0;
  /** Maximum number of open connections, beyond which accepting pauses; 0 derives it from RLIMIT_NOFILE. */
  size_t max_connections = 0;
  /** After accepting has paused for this long, queued clients are reset so that none hangs; 0 lets them wait. */
  uint32_t turn_away_ms = 0;
  /** The longest that a server's first bytes wait for `Release`. */
  uint32_t hold_ms = 150;
  /** Copied bytes are batched for this long: waking the reader costs more than reading. */
  uint32_t tap_gather_ms = 25;
  /** Added to the steady clock's milliseconds, it gives milliseconds since the epoch. */
  double epoch_offset_ms = 0;
  /** Delivers listeners and sockets of container networks (linux/guest_message.h); -1 for none. Takes ownership. */
  int guests = -1;
};

struct FrontStats {
  uint64_t accepted = 0;
  /** Current numbers: being peeked at, waiting for a verdict, passed through. */
  uint64_t peeking = 0;
  uint64_t waiting = 0;
  uint64_t passing = 0;
  /** Since the start, by outcome. */
  uint64_t taken = 0;
  uint64_t rejected = 0;
  uint64_t passed = 0;
  /** Of those passed: connections that were read, and how many of their taps reached the limit. */
  uint64_t read = 0;
  uint64_t lost_taps = 0;
  /** Reset by the client before a verdict was requested. */
  uint64_t aborted = 0;
  /** Passed through because the verdict did not come in time. */
  uint64_t unanswered = 0;
  /** How often accepting paused for lack of descriptors or memory. */
  uint64_t accept_pauses = 0;
  /** Reset because there was no room for longer than `turn_away_ms`. */
  uint64_t turned_away = 0;
  /** `FrontOptions::max_connections`, as derived. */
  uint64_t max_connections = 0;
};

/** Accepts connections, peeks at their first bytes, requests a verdict and relays what passes through. */
class Front {
 public:
  static bool Supported();
  /** Listens and starts the thread. Several addresses with port 0 share one free port. Throws std::system_error. */
  static std::unique_ptr<Front> Start(const FrontOptions& options, FrontEvents& events);

  /** Destroys the remaining connections and joins the thread. */
  virtual ~Front() = default;

  virtual std::vector<Endpoint> Addresses() const = 0;

  // The verdicts. Each is thread-safe, and returns false (-1) when the connection no longer waits for one.
  virtual bool Passthrough(uint64_t id, const Endpoint& to) = 0;
  /** Hands over the descriptor: the caller closes it. */
  virtual int Take(uint64_t id) = 0;
  virtual bool Reject(uint64_t id) = 0;

  /**
   * Passes through a socket that was accepted elsewhere: `preface` (bytes already read from it) is sent first.
   * Works on a duplicate; the caller closes its own descriptor immediately, without a shutdown. Throws
   * std::system_error when the descriptor cannot be duplicated.
   */
  virtual uint64_t Adopt(int fd, std::string preface, const Endpoint& to) = 0;

  /**
   * Like `Passthrough`, and also copies the bytes of both directions to `FrontEvents::OnTap`. Where acknowledgements
   * lag behind, the relay waits for a while; when that does not help, copying ends and the connection continues.
   */
  virtual bool Read(uint64_t id, const Endpoint& to, const ReadOptions& options) = 0;
  /** Like `Adopt`, and also copies, including the preface. */
  virtual uint64_t AdoptRead(int fd, std::string preface, const Endpoint& to, const ReadOptions& options) = 0;
  /** Stops holding the server's bytes: those queued and those still to arrive are forwarded. */
  virtual void Release(uint64_t id) = 0;
  /** Acknowledges that many bytes of `TapBatch::shares`. */
  virtual void TapConsumed(uint64_t id, uint64_t bytes) = 0;
  /** Stops copying. Bytes already copied may still be delivered. */
  virtual void StopTap(uint64_t id) = 0;
  /** Memory to copy into. It comes back in a batch, or is destroyed with the front. */
  virtual void GiveTapBuffer(std::unique_ptr<TapBuffer> buffer) = 0;
  /** Buffers given and not yet part of a batch. */
  virtual size_t TapBuffersLeft() const = 0;

  /** Stops listening; open connections continue until they end. */
  virtual void Close() = 0;
  /** Stops listening and resets open connections. */
  virtual void Destroy() = 0;
  virtual FrontStats Stats() const = 0;
};

}  // namespace oximy
