#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "front_socket.h"
#include "front_tap_batch.h"

namespace oximy {

/**
 * Gathers into batches what all taps of the front's thread copy. Bytes are read from their socket directly into the
 * batch's memory. The unconsumed amount is bounded: beyond that there is no room.
 */
class TapWriter {
 public:
  /** The minimum room returned by `Room`. */
  static constexpr size_t kMostAtOnce = 64 << 10;

  TapWriter(double epoch_offset_ms, std::function<void(TapBatch)> send);

  /** Buffer for the next bytes, valid until the next call; null when there is no memory. */
  char* Room();
  /** Adds bytes written to that buffer; `share` counts them for the connection. */
  void Push(TapOp op, uint64_t tap_id, Clock::time_point at, size_t length);
  void Write(TapOp op, uint64_t tap_id, Clock::time_point at, double argument = 0);
  /** Adds bytes to the share of a connection; `place` belongs to the connection, and starts as `{}`. */
  struct SharePlace {
    uint64_t batch = 0;
    size_t index = 0;
  };
  void AddShare(SharePlace& place, uint64_t id, size_t bytes);
  void Lost(uint64_t id) { batch_.lost.push_back(id); }

  bool IsEmpty() const { return batch_.ops.empty(); }
  /** Every batch sent was consumed: sending the next one now builds no queue. */
  bool AllTaken() const { return last_.expired(); }
  void Flush();

  // From any thread:
  void Give(std::unique_ptr<TapBuffer> buffer);
  size_t BuffersLeft() const;

 private:
  std::unique_ptr<TapBuffer> TakeBuffer();
  double EpochMs(Clock::time_point at) const;

  const double epoch_offset_ms_;
  const std::function<void(TapBatch)> send_;
  TapBatch batch_;
  uint64_t number_ = 1;
  std::weak_ptr<void> last_;
  /** Buffers of our own that have not been destroyed yet. They may outlive the writer. */
  const std::shared_ptr<std::atomic<size_t>> own_;

  mutable std::mutex lock_;
  std::vector<std::unique_ptr<TapBuffer>> given_;
};

}  // namespace oximy
