#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "front_tap_writer.h"

namespace oximy {

/** How much a tap may copy: acknowledged from any thread. */
struct TapRoom {
  std::atomic<uint64_t> acknowledged{0};
};

/**
 * The copy of one connection's bytes. It is full when its limit is reached or there is no memory, and stays so until
 * half of it is acknowledged; a caller that does not want to wait gives it up.
 */
class Tap {
 public:
  enum class Way : uint8_t { kUp, kDown };

  Tap(uint64_t id, const ReadOptions& options, std::shared_ptr<TapRoom> room, TapWriter& writer);

  bool IsOpen() const { return is_open_; }
  bool IsLost() const { return is_lost_; }
  bool IsFull() { return is_open_ && Room() == nullptr; }
  uint64_t Acknowledged() const { return room_->acknowledged; }
  /** Buffer for the next bytes, at most `TapWriter::kMostAtOnce`; null when the tap is closed or full. */
  char* Room();
  /** That many bytes were written there. */
  void Push(Way way, size_t length, Clock::time_point at);
  /** For bytes that are already elsewhere. */
  void Copy(Way way, const std::string& bytes);
  void End(Way way);
  void Close(TapClose cause);
  /** Closes it as lost. */
  void GiveUp();

 private:
  uint64_t Unacknowledged() const;

  const uint64_t id_;
  const uint64_t tap_id_;
  const uint64_t max_bytes_;
  const std::shared_ptr<TapRoom> room_;
  TapWriter& writer_;
  TapWriter::SharePlace share_;
  uint64_t copied_ = 0;
  bool is_full_ = false;
  bool is_open_ = true;
  bool is_lost_ = false;
};

}  // namespace oximy
