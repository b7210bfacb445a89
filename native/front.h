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

/** Why the verdict on a connection is asked for now. */
enum class PeekReason : uint8_t { kClientHello, kHttp, kOther, kTimeout, kClosed };

/** A connection that waits for its verdict. Nothing of it has been consumed. */
struct FrontConnection {
  uint64_t id = 0;
  Endpoint peer;
  Endpoint local;
  /** Where the client meant to go; nothing when the connection was not redirected. */
  std::optional<Endpoint> destination;
  std::string peeked;
  PeekReason reason = PeekReason::kOther;
  /** Of a container whose network root holds; 0 is this machine's own. */
  uint32_t network = 0;
};

enum class PassthroughCause : uint8_t { kEnded, kClientReset, kServerReset, kConnectFailed, kIdle, kDestroyed };

struct PassthroughEnd {
  uint64_t id = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  /** Since the connection was accepted (adopted). */
  double duration_ms = 0;
  PassthroughCause cause = PassthroughCause::kEnded;
  /** errno of a failed connect; 0 otherwise. */
  int error = 0;
};

/** What the front tells, from its own thread. */
class FrontEvents {
 public:
  virtual ~FrontEvents() = default;
  virtual void OnConnection(FrontConnection connection) = 0;
  /** Also of a connection that was read: after the batch with the last of it. */
  virtual void OnPassthroughEnd(PassthroughEnd end) = 0;
  /** What passed on the connections that are read. */
  virtual void OnTap(TapBatch batch) = 0;
  /** After `Close` or `Destroy`, when the last connection has gone. Nothing comes after it. */
  virtual void OnClosed() = 0;
};

struct FrontOptions {
  std::vector<Endpoint> listen;
  /** A client that sends nothing for so long lets the server speak first. */
  uint32_t silence_ms = 300;
  /** Time for a whole client hello or HTTP head. */
  uint32_t hello_ms = 3000;
  /**
   * A redirected connection whose verdict takes longer is passed through without one; twice as long while there are
   * verdicts on others. 0 waits for ever.
   */
  uint32_t verdict_ms = 2000;
  /** A passthrough without a byte in either direction for so long is cut; 0 never. */
  uint32_t idle_ms = 0;
  /** Connections held at a time, beyond which accepting pauses; 0 derives it from RLIMIT_NOFILE. */
  size_t max_connections = 0;
  /** Accepting that pauses for longer resets who waits, so that nobody hangs; 0 lets them wait. */
  uint32_t turn_away_ms = 0;
  /** The longest that a server's first bytes wait for `Release`. */
  uint32_t hold_ms = 150;
  /** What was copied waits for more for so long: to wake who reads it costs more than to read it. */
  uint32_t tap_gather_ms = 25;
  /** What added to the steady clock's milliseconds gives those since the epoch. */
  double epoch_offset_ms = 0;
  /** Where listeners and sockets of containers' networks come from (linux/guest_message.h); -1 for none. Taken over. */
  int guests = -1;
};

struct FrontStats {
  uint64_t accepted = 0;
  /** Held now: being peeked at, waiting for a verdict, passed through. */
  uint64_t peeking = 0;
  uint64_t waiting = 0;
  uint64_t passing = 0;
  /** Since the start: by outcome. */
  uint64_t taken = 0;
  uint64_t rejected = 0;
  uint64_t passed = 0;
  /** Of those that passed: read, and among them those whose tap reached its bound. */
  uint64_t read = 0;
  uint64_t lost_taps = 0;
  /** Reset by the client before a verdict was asked for. */
  uint64_t aborted = 0;
  /** Passed through because the verdict did not come in time. */
  uint64_t unanswered = 0;
  /** Times that accepting paused for want of descriptors or memory. */
  uint64_t accept_pauses = 0;
  /** Reset because there was no room for longer than `turn_away_ms`. */
  uint64_t turned_away = 0;
  /** `FrontOptions::max_connections`, as derived. */
  uint64_t max_connections = 0;
};

/** Accepts connections, peeks at their first bytes, asks for a verdict and relays what passes through. */
class Front {
 public:
  static bool Supported();
  /** Listens and starts the thread. Port 0 in several addresses means the same free port in each. Throws std::system_error. */
  static std::unique_ptr<Front> Start(const FrontOptions& options, FrontEvents& events);

  /** Destroys what is left and joins the thread. */
  virtual ~Front() = default;

  virtual std::vector<Endpoint> Addresses() const = 0;

  // The verdicts. Each is thread-safe, and false (-1) when the connection waits for none any more.
  virtual bool Passthrough(uint64_t id, const Endpoint& to) = 0;
  /** Gives the descriptor away: the caller closes it. */
  virtual int Take(uint64_t id) = 0;
  virtual bool Reject(uint64_t id) = 0;

  /**
   * Passes a socket through that was accepted elsewhere: `preface` (bytes already read from it) goes first.
   * Works on a duplicate; the caller closes its own descriptor at once and without a shutdown. Throws
   * std::system_error when the descriptor cannot be duplicated.
   */
  virtual uint64_t Adopt(int fd, std::string preface, const Endpoint& to) = 0;

  /**
   * Like `Passthrough`, and copies what passes, in both directions, to `FrontEvents::OnTap`. Where what was copied is
   * not acknowledged as fast as it comes, the relay waits for it, for some time; when that does not help, the copy ends and
   * the connection goes on.
   */
  virtual bool Read(uint64_t id, const Endpoint& to, const ReadOptions& options) = 0;
  /** Like `Adopt`, and copies: the preface too. */
  virtual uint64_t AdoptRead(int fd, std::string preface, const Endpoint& to, const ReadOptions& options) = 0;
  /** The server's bytes may go on, those that wait and those to come. */
  virtual void Release(uint64_t id) = 0;
  /** So many bytes of `TapBatch::shares` were read. */
  virtual void TapConsumed(uint64_t id, uint64_t bytes) = 0;
  /** No more copies. What was copied before may still come. */
  virtual void StopTap(uint64_t id) = 0;
  /** Memory to copy into. It is in a batch later, or destroyed with the front. */
  virtual void GiveTapBuffer(std::unique_ptr<TapBuffer> buffer) = 0;
  /** Given, and in no batch yet. */
  virtual size_t TapBuffersLeft() const = 0;

  /** Stops listening; what is there goes on to its end. */
  virtual void Close() = 0;
  /** Stops listening and resets what is there. */
  virtual void Destroy() = 0;
  virtual FrontStats Stats() const = 0;
};

}  // namespace oximy
