#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace oximy {

/** The operations of a tap, by the numbers that the capture thread knows them by (src/proxy/accept/front.ts: TAP_OP). */
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
  /** By `Front::GiveTapBuffer`; else the front made it because it had none. */
  const bool is_given;
};

/** What passed on all connections that are read since the last batch, in order. */
struct TapBatch {
  static constexpr size_t kOpWidth = 4;

  /** Four numbers each: operation, tap id, time (epoch ms), argument. */
  std::vector<double> ops;
  /** The bytes of requests and responses, end to end; their argument is their length. Absent without bytes. */
  std::unique_ptr<TapBuffer> buffer;
  size_t used = 0;
  /** How many of the bytes are whose: two numbers each, connection id and bytes. */
  std::vector<double> shares;
  /** Connections whose tap was closed in here because it had reached its bound. */
  std::vector<uint64_t> lost;
  /** Gone when the batch is: by it the front knows that the batch was taken. */
  std::shared_ptr<void> token;
};

struct ReadOptions {
  /** The number that operations name the connection by; 0: the connection's own id. */
  uint64_t tap_id = 0;
  /** Bytes copied and not yet acknowledged, both directions together, beyond which the tap is lost. */
  uint64_t max_tap_bytes = 0;
  /** The server's first bytes wait for `Release`. */
  bool hold = false;
};

}  // namespace oximy
