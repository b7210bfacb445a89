#include "front_tap.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace oximy {

Tap::Tap(uint64_t id, const ReadOptions& options, std::shared_ptr<TapRoom> room, TapWriter& writer)
    : id_(id),
      tap_id_(options.tap_id == 0 ? id : options.tap_id),
      max_bytes_(options.max_tap_bytes),
      room_(std::move(room)),
      writer_(writer) {}

uint64_t Tap::Unacknowledged() const { return copied_ - std::min<uint64_t>(room_->acknowledged, copied_); }

char* Tap::Room() {
  if (!is_open_) return nullptr;
  const uint64_t held = Unacknowledged();
  is_full_ = is_full_ ? held > max_bytes_ / 2 : held + TapWriter::kMostAtOnce > max_bytes_;
  return is_full_ ? nullptr : writer_.Room();
}

void Tap::Push(Way way, size_t length, Clock::time_point at) {
  copied_ += length;
  writer_.AddShare(share_, id_, length);
  writer_.Push(way == Way::kUp ? TapOp::kRequest : TapOp::kResponse, tap_id_, at, length);
}

void Tap::Copy(Way way, const std::string& bytes) {
  const auto now = Clock::now();
  for (size_t done = 0; done < bytes.size();) {
    const size_t length = std::min(bytes.size() - done, TapWriter::kMostAtOnce);
    char* room = Room();
    if (room == nullptr) return GiveUp();
    memcpy(room, bytes.data() + done, length);
    Push(way, length, now);
    done += length;
  }
}

void Tap::End(Way way) {
  if (!is_open_) return;
  writer_.Write(way == Way::kUp ? TapOp::kEndRequest : TapOp::kEndResponse, tap_id_, Clock::now());
}

void Tap::Close(TapClose cause) {
  if (!is_open_) return;
  is_open_ = false;
  writer_.Write(TapOp::kClose, tap_id_, Clock::now(), static_cast<double>(cause));
}

void Tap::GiveUp() {
  if (!is_open_) return;
  Close(TapClose::kLost);
  is_lost_ = true;
  writer_.Lost(id_);
}

}  // namespace oximy
