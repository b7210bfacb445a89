#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace oximy {

/** The operations of a tap, by their numbers in the capture thread (src/proxy/accept/front.ts: TAP_OP). */
enum class TapOp : uint8_t { kRequest = 1, kResponse, kEndRequest, kEndResponse, kClose };

/** The argument of `kClose` (src/proxy/accept/front.ts: TAP_CLOSE_CAUSES). */
enum class TapClose : uint8_t { kEnded, kClientAborted, kServerClosed, kLost };

/** Memory for the bytes of one batch. */
class TapBuffer {
 public:
  static constexpr size_t kSize = 320 << 10;

  TapBuffer(char* data, bool is_given) : data(data), is_given(is_given) {}
  virtual ~TapBuffer() = default;
  TapBuffer(const TapBuffer&) = delete;
  TapBuffer& operator=(const TapBuffer&) = delete;

  /** `kSize` bytes. */
  char* const data;
  /** Given by `Front::GiveTapBuffer`; otherwise allocated by the front because it had none. */
  const bool is_given;
};

/** What passed since the last batch on all connections that are read, in order. */
struct TapBatch {
  static constexpr size_t kOpWidth = 4;

  /** Four numbers each: operation, tap id, time (epoch ms), argument. */
  std::vector<double> ops;
  /** The bytes of requests and responses, concatenated; their argument is their length. Null without bytes. */
  std::unique_ptr<TapBuffer> buffer;
  size_t used = 0;
  /** How many bytes belong to which connection: two numbers each, connection id and byte count. */
  std::vector<double> shares;
  /** Connections whose tap was closed in this batch because it had reached its limit. */
  std::vector<uint64_t> lost;
  /** Released together with the batch: signals to the front that the batch was consumed. */
  std::shared_ptr<void> token;
};

struct ReadOptions {
  /** The number that identifies the connection in operations; 0: the connection's own id. */
  uint64_t tap_id = 0;
  /** Limit of copied but unacknowledged bytes, both directions together, beyond which the tap is lost. */
  uint64_t max_tap_bytes = 0;
  /** Hold the server's first bytes until `Release`. */
  bool hold = false;
};

}  // namespace oximy
