#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "front_tap_writer.h"

namespace oximy {

/** What a tap may copy: acknowledged from any thread. */
struct TapRoom {
  std::atomic<uint64_t> acknowledged{0};
};

/**
 * The copy of one connection's bytes. It is full when its bound is reached or there is no memory for more, and until half
 * of it was acknowledged; who does not want to wait for that gives it up.
 */
class Tap {
 public:
  enum class Way : uint8_t { kUp, kDown };

  Tap(uint64_t id, const ReadOptions& options, std::shared_ptr<TapRoom> room, TapWriter& writer);

  bool IsOpen() const { return is_open_; }
  bool IsLost() const { return is_lost_; }
  bool IsFull() { return is_open_ && Room() == nullptr; }
  uint64_t Acknowledged() const { return room_->acknowledged; }
  /** Where to read the next bytes into, `TapWriter::kMostAtOnce` at most; null when the tap is closed or full. */
  char* Room();
  /** So many bytes were put there. */
  void Push(Way way, size_t length, Clock::time_point at);
  /** Bytes that are elsewhere already. */
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
