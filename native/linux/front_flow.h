#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "front_pipe.h"
#include "front_tap.h"

namespace oximy {

/** Shared by all flows of one thread. */
struct FlowShared {
  PipePool pipes;
  std::array<char, TapWriter::kMostAtOnce> buffer;
};

enum class FlowState : uint8_t {
  /** Waits for bytes from the source or room in the target. */
  kBlocked,
  /** Used up its share of the thread's time: edges were consumed, so it must be pumped again without one. */
  kMore,
  /** The source's end was forwarded. */
  kEnded,
  kSourceBroken,
  kTargetBroken,
};

/** What is known about the source when a flow is pumped. */
enum class Source : uint8_t {
  kUnknown,
  /**
   * The edge reported bytes, and no end, error or urgent data: a read that does not fill its buffer has then consumed
   * everything, and later bytes cause another edge (epoll(7), "Questions and answers"). Saves a call per request.
   */
  kBytesOnly,
};

/**
 * Moves the bytes of one direction between two non-blocking sockets, and then the end (FIN). Copies at first,
 * which is cheaper for a short connection, splices for bulk data; with an open tap it copies throughout, and waits
 * while the tap is full. Holds at most one pipe or one buffer.
 */
class Flow {
 public:
  Flow(int source, int target, FlowShared& shared) : source_(source), target_(target), shared_(shared) {}
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  /** Bytes that are sent before those of the source. */
  void Preface(std::string bytes) { pending_ = std::move(bytes); }
  /** Copies what passes to the tap; null stops that. */
  void SetTap(Tap* tap, Tap::Way way);
  /** Leaves the source's bytes, and its end, in the socket until `LetGo`. */
  void Hold() { held_back_ = true; }
  void LetGo() { held_back_ = false; }
  bool IsHeldBack() const { return held_back_; }
  FlowState Pump(Source source = Source::kUnknown);
  /**
   * Moves what the source received before it broke, and no end: the kernel reports the error once, and afterwards
   * behaves as if the source had ended in order.
   */
  void PumpLast();
  /** Bytes were read that the target has not accepted yet. */
  bool Holds() const { return !pending_.empty() || pipe_ != nullptr; }
  bool Ended() const { return ended_; }
  /** The last `Pump` left bytes in their socket because the tap was full. */
  bool WaitsForTap() const { return waits_for_tap_; }
  /** Bytes accepted by the target. */
  uint64_t Bytes() const { return bytes_; }

 private:
  enum class Step : uint8_t { kMoved, kNothing, kEnd, kBroken };

  Step Drain();
  Step Fill();
  Step Splice();
  Step Copy();
  Step Send(const char* bytes, size_t length, size_t& sent);
  void ReturnPipe();
  bool IsTapped() const { return tap_ != nullptr && tap_->IsOpen(); }

  const int source_;
  const int target_;
  FlowShared& shared_;
  std::string pending_;
  std::unique_ptr<Pipe> pipe_;
  Tap* tap_ = nullptr;
  Tap::Way way_ = Tap::Way::kUp;
  uint64_t bytes_ = 0;
  bool held_back_ = false;
  bool waits_for_tap_ = false;
  bool can_splice_ = true;
  /** The last read found less than it had room for. */
  bool read_short_ = false;
  bool source_ended_ = false;
  bool source_broke_ = false;
  bool ended_ = false;
};

}  // namespace oximy
