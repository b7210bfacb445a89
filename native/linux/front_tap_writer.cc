#include "front_tap_writer.h"

#include <utility>

namespace oximy {
namespace {

/** A batch is sent after this many bytes or this many operations. */
constexpr size_t kFullBytes = TapBuffer::kSize - TapWriter::kMostAtOnce;
constexpr size_t kFullOps = 4096 * TapBatch::kOpWidth;
/** 64 MiB: the most held for a reader that does not consume it. */
constexpr size_t kMostOwn = (64 << 20) / TapBuffer::kSize;
/** Bytes of one direction that arrive within this time become one operation. */
constexpr double kSameTimeMs = 1;

/** Counted while it exists. */
class OwnBuffer final : public TapBuffer {
 public:
  explicit OwnBuffer(std::shared_ptr<std::atomic<size_t>> count)
      : TapBuffer(new char[kSize], false), count_(std::move(count)) {
    ++*count_;
  }
  ~OwnBuffer() override {
    delete[] data;
    --*count_;
  }

 private:
  const std::shared_ptr<std::atomic<size_t>> count_;
};

}  // namespace

TapWriter::TapWriter(double epoch_offset_ms, std::function<void(TapBatch)> send)
    : epoch_offset_ms_(epoch_offset_ms), send_(std::move(send)), own_(std::make_shared<std::atomic<size_t>>(0)) {}

char* TapWriter::Room() {
  if (batch_.used >= kFullBytes || batch_.ops.size() >= kFullOps) Flush();
  if (!batch_.buffer) batch_.buffer = TakeBuffer();
  return batch_.buffer ? batch_.buffer->data + batch_.used : nullptr;
}

double TapWriter::EpochMs(Clock::time_point at) const {
  return std::chrono::duration<double, std::milli>(at.time_since_epoch()).count() + epoch_offset_ms_;
}

void TapWriter::Push(TapOp op, uint64_t tap_id, Clock::time_point at, size_t length) {
  batch_.used += length;
  if (!IsEmpty()) {
    double* last = &batch_.ops[batch_.ops.size() - TapBatch::kOpWidth];
    const bool same = last[0] == static_cast<double>(op) && last[1] == static_cast<double>(tap_id);
    if (same && EpochMs(at) - last[2] < kSameTimeMs) {
      last[3] += static_cast<double>(length);
      return;
    }
  }
  Write(op, tap_id, at, static_cast<double>(length));
}

void TapWriter::Write(TapOp op, uint64_t tap_id, Clock::time_point at, double argument) {
  batch_.ops.insert(batch_.ops.end(), {static_cast<double>(op), static_cast<double>(tap_id), EpochMs(at), argument});
}

void TapWriter::AddShare(SharePlace& place, uint64_t id, size_t bytes) {
  if (place.batch != number_) {
    place = {number_, batch_.shares.size()};
    batch_.shares.insert(batch_.shares.end(), {static_cast<double>(id), 0});
  }
  batch_.shares[place.index + 1] += static_cast<double>(bytes);
}

void TapWriter::Flush() {
  if (IsEmpty()) return;
  TapBatch batch = std::exchange(batch_, {});
  // A batch of ends only: keep the memory for the next.
  if (batch.used == 0) batch_.buffer = std::move(batch.buffer);
  number_++;
  batch.token = std::make_shared<char>();
  last_ = batch.token;
  send_(std::move(batch));
}

void TapWriter::Give(std::unique_ptr<TapBuffer> buffer) {
  const std::lock_guard<std::mutex> guard(lock_);
  given_.push_back(std::move(buffer));
}

size_t TapWriter::BuffersLeft() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return given_.size();
}

std::unique_ptr<TapBuffer> TapWriter::TakeBuffer() {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (!given_.empty()) {
      auto buffer = std::move(given_.back());
      given_.pop_back();
      return buffer;
    }
  }
  return *own_ < kMostOwn ? std::make_unique<OwnBuffer>(own_) : nullptr;
}

}  // namespace oximy
