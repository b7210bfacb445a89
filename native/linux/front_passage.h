#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <string>

#include "front_flow.h"

namespace oximy {

enum class PassageState : uint8_t {
  kWaiting,
  /** Yielded to other connections: pump again without an event. */
  kMore,
  kEnded,
  kClientReset,
  kServerReset,
  kConnectFailed,
};

/** The epoll events of both sockets. */
constexpr uint32_t kPassageEvents = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/** One connection that passes through: the client's socket, the server's, and a flow in each direction. */
class Passage {
 public:
  enum class Side : uint8_t { kClient, kServer };

  /**
   * Starts connecting, on the socket `server` if given. A failure appears as `Error` immediately, as does `error`, or
   * later as `kConnectFailed`.
   */
  Passage(Descriptor client, const Endpoint& to, std::string preface, Clock::time_point began, FlowShared& shared,
          Descriptor server = {}, int error = 0);

  /** Copies all that passes to the tap. Before the first event. */
  void Read(std::unique_ptr<Tap> tap);
  /** The tap, open or not; null without one. */
  Tap* GetTap() const { return tap_.get(); }
  void StopTap();
  /** A flow left bytes in their socket because the tap was full: pump again without an event. */
  bool WaitsForTap() const { return up_.WaitsForTap() || down_.WaitsForTap(); }

  /** Holds the server's bytes back. Before the first event. */
  void Hold() { down_.Hold(); }
  /** The server's first bytes, or its end, have arrived and are held back. */
  bool HoldsAnswer() const { return answered_ && down_.IsHeldBack(); }
  PassageState LetGo();

  /** errno of the connect that failed, or 0. */
  int Error() const { return error_; }
  int ClientFd() const { return client_.get(); }
  int ServerFd() const { return server_.get(); }

  /** `events` as epoll reports them for `kPassageEvents`. */
  PassageState OnEvent(Side side, uint32_t events);
  /** Pumps both ways. */
  PassageState Pump();
  /** Both sockets will close with a reset. */
  void Abort();

  uint64_t BytesUp() const { return up_.Bytes(); }
  uint64_t BytesDown() const { return down_.Bytes(); }
  Clock::time_point Began() const { return began_; }

 private:
  PassageState OnEventBeforeConnected(Side side, uint32_t events);
  PassageState Judge(FlowState up, FlowState down);
  PassageState Broken(Side side);

  Descriptor client_;
  Descriptor server_;
  std::unique_ptr<Tap> tap_;
  Flow up_;
  Flow down_;
  const Clock::time_point began_;
  bool connected_ = false;
  /** Maintained only while the server's bytes are held back. */
  bool answered_ = false;
  int error_ = 0;
};

}  // namespace oximy
