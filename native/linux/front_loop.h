#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "front.h"
#include "front_flow.h"
#include "front_listener.h"
#include "front_passage.h"
#include "front_tap.h"
#include "front_timers.h"
#include "linux/apart_thread.h"
#include "linux/guest_message.h"

namespace oximy {

/**
 * The thread behind `Front`: one edge-triggered epoll loop. A connection is in one of three maps: `peeking_` and
 * `passing_` belong to the thread, `waiting_` (for a verdict, its socket in no epoll set) is guarded by the lock.
 */
class FrontLoop final : public Front {
 public:
  FrontLoop(const FrontOptions& options, FrontEvents& events);
  ~FrontLoop() override;

  std::vector<Endpoint> Addresses() const override;
  bool Passthrough(uint64_t id, const Endpoint& to) override;
  int Take(uint64_t id) override;
  bool Reject(uint64_t id) override;
  uint64_t Adopt(int fd, std::string preface, const Endpoint& to) override;
  bool Read(uint64_t id, const Endpoint& to, const ReadOptions& options) override;
  uint64_t AdoptRead(int fd, std::string preface, const Endpoint& to, const ReadOptions& options) override;
  void Release(uint64_t id) override;
  void TapConsumed(uint64_t id, uint64_t bytes) override;
  void StopTap(uint64_t id) override;
  void GiveTapBuffer(std::unique_ptr<TapBuffer> buffer) override;
  size_t TapBuffersLeft() const override;
  void Close() override;
  void Destroy() override;
  FrontStats Stats() const override;

 private:
  enum class Ending : uint8_t { kNone, kDrain, kDestroy };

  struct Peeking {
    Descriptor socket;
    Endpoint peer;
    Clock::time_point accepted;
    bool in_epoll = false;
    bool sent_bytes = false;
    uint32_t network = 0;
    /** For a container's connection: the original destination, once known, and the socket, once root has created it. */
    std::optional<Endpoint> destination;
    Descriptor upstream;
  };
  struct Waiting {
    Descriptor socket;
    std::optional<Endpoint> destination;
    Clock::time_point accepted;
    Clock::time_point requested;
    uint32_t network = 0;
    Descriptor upstream;
  };
  struct Passing {
    std::unique_ptr<Passage> passage;
    /** Bytes in both directions when the idle timer was set. */
    uint64_t bytes_then = 0;
    bool hold_is_timed = false;
  };
  struct FullTap {
    Clock::time_point since;
    Clock::time_point progress;
    uint64_t acknowledged;
  };
  /** How a passage is read; not at all without a room. */
  struct Reading {
    ReadOptions options;
    std::shared_ptr<TapRoom> room;
  };
  /** A verdict on its way to the thread. */
  struct Command {
    uint64_t id;
    Descriptor client;
    Endpoint to;
    std::string preface;
    Clock::time_point began;
    Reading reading;
    uint32_t network = 0;
    Descriptor upstream;
  };
  /** A listener in a container's network. */
  struct GuestListener {
    Descriptor socket;
    uint32_t network;
  };
  /** Keeps a network's connections translated, in one of two ways. */
  struct GuestKeep {
    std::unique_ptr<ApartThread> thread;
    Descriptor own;
  };
  /** A request concerning a passage that is read. */
  enum class ReadRequest : uint8_t { kRelease, kStopTap };

  // Ids below the first connection's: the wake-up, listeners by index, and timers that belong to no connection.
  static constexpr uint64_t kWakeId = 0;
  static constexpr uint64_t kFirstListener = 1;
  static constexpr uint64_t kAcceptTimer = 0;
  static constexpr uint64_t kFlushTimer = 1;
  static constexpr uint64_t kTapTimer = 2;
  static constexpr uint64_t kTurnAwayTimer = 3;
  static constexpr uint64_t kGuestsId = 63;
  static constexpr uint64_t kFirstConnection = 64;

  // front_loop.cc
  void Run();
  int WaitMs() const;
  void OnEvent(uint64_t tag, uint32_t events);
  void OnTimers();
  bool Finished();
  bool Watch(int fd, uint64_t id, Passage::Side side, uint32_t events);
  void Unwatch(int fd);
  void Wake();
  bool Begin(uint64_t id, const Endpoint& to, Reading reading);
  uint64_t BeginAdopted(int fd, std::string preface, const Endpoint& to, Reading reading);
  /** With the lock held. */
  std::optional<Waiting> TakeWaiting(uint64_t id);
  /** The same, for a verdict. */
  std::optional<Waiting> TakeForVerdict(uint64_t id);

  // front_accept.cc: up to the verdict
  void Accept(int listener, uint32_t network);
  size_t Held() const;
  void PauseAccepting();
  void ResumeAccepting();
  void TurnAway();
  void StopListening();
  void PeekAt(uint64_t id, Peeking& peeking, uint32_t events);
  void RequestVerdict(uint64_t id, Peeking& peeking, size_t peeked, PeekReason reason);
  void OnSilence(uint64_t id, Peeking& peeking);
  void OnUnanswered(uint64_t id);

  // front_guests.cc: connections of containers
  void TakeGuestMessages();
  void AddGuest(ReceivedGuestMessage& received);
  static GuestKeep Keep(Descriptor descriptor);
  void RemoveGuest(uint32_t network);
  void WelcomeGuest(uint64_t id, Peeking& peeking);
  bool WantUpstream(uint64_t id, const Peeking& peeking);
  void SendUnsentWants();
  void WatchGuests(uint32_t events);
  void TakeUpstream(const GuestMessage& message, Descriptor upstream);
  void LearnDestination(uint64_t id, Peeking& peeking, const GuestMessage& message);
  void TurnAwayLost(uint64_t id);
  void WaitForUpstream(Command command);
  void EndGuests();
  void FailAwaiting(uint64_t id);

  // front_relay.cc: after the verdict
  void TakeCommands();
  void BeginPassage(Command command);
  void BeginPassageOn(Command command, int error = 0);
  void PumpMore();
  void After(uint64_t id, PassageState state);
  void End(uint64_t id, PassthroughCause cause);
  void FlushEnds();
  void OnIdle(uint64_t id, Passing& passing);
  void DestroyAll();

  // front_read.cc: connections that are read
  Reading NewReading(const ReadOptions& options);
  void BeginReading(uint64_t id, Passage& passage, const Reading& reading, const std::string& preface);
  void EndReading(uint64_t id, Passage& passage, PassthroughCause cause);
  void Request(uint64_t id, ReadRequest request);
  void TakeReadRequests();
  void StartHold(uint64_t id, Passing& passing);
  void LetGo(uint64_t id);
  void OnTapTimer();
  void GatherTaps();
  void WaitForTap(uint64_t id);
  void LookAtFullTaps();

  const FrontOptions options_;
  FrontEvents& events_;
  std::vector<ListeningSocket> listening_;
  std::vector<Endpoint> addresses_;
  Descriptor epoll_;
  Descriptor guests_;
  /** Requests for sockets that root's end had no room for, oldest first. */
  std::deque<GuestMessage> unsent_wants_;
  std::unordered_map<uint64_t, GuestListener> guest_listeners_;
  std::unordered_map<uint32_t, GuestKeep> guest_keeps_;
  /** Commands that wait for root's socket. */
  std::unordered_map<uint64_t, Command> awaiting_;
  Descriptor wake_;
  FlowShared shared_;
  Timers timers_;
  /** When a held answer is forwarded without `Release`. */
  Timers holds_;
  TapWriter tap_writer_;
  bool tap_timer_set_ = false;
  /** Connections that wait for their full tap. */
  std::unordered_map<uint64_t, FullTap> full_taps_;
  /** `ends_` contains a connection that was read. */
  bool read_ends_ = false;
  std::unordered_map<uint64_t, Peeking> peeking_;
  std::unordered_map<uint64_t, Passing> passing_;
  std::vector<uint64_t> more_;
  /** Not reported yet: waking JavaScript costs more than the report. */
  std::vector<PassthroughEnd> ends_;

  std::mutex lock_;
  std::unordered_map<uint64_t, Waiting> waiting_;
  Clock::time_point last_verdict_{};
  std::vector<Command> commands_;
  std::vector<std::pair<uint64_t, ReadRequest>> read_requests_;
  std::unordered_map<uint64_t, std::shared_ptr<TapRoom>> rooms_;
  Ending ending_ = Ending::kNone;

  std::atomic<bool> accepting_{true};
  Clock::time_point accept_again_{};
  /** When queued clients are reset; nothing while none waits in vain. */
  std::optional<Clock::time_point> turn_away_at_;
  /** A spare descriptor, released for an accept when no other is available. */
  Descriptor spare_;
  std::atomic<uint64_t> next_id_;
  struct {
    std::atomic<uint64_t> accepted{0}, peeking{0}, waiting{0}, passing{0};
    std::atomic<uint64_t> taken{0}, rejected{0}, passed{0}, aborted{0}, unanswered{0}, accept_pauses{0}, turned_away{0};
    std::atomic<uint64_t> read{0}, lost_taps{0};
  } counts_;
  std::thread thread_;
};

}  // namespace oximy
