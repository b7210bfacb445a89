#pragma once

#include <cstdint>
#include <string>

#include "front_flow.h"

namespace oximy {

enum class PassageState : uint8_t {
  kWaiting,
  /** Stopped for the sake of the others: pump again without an event. */
  kMore,
  kEnded,
  kClientReset,
  kServerReset,
  kConnectFailed,
};

/** One connection that passes through: the client's socket, the server's, and a flow each way. */
class Passage {
 public:
  enum class Side : uint8_t { kClient, kServer };

  /** Begins to connect. A failure shows as `Error` at once, or as `kConnectFailed` later. */
  Passage(Descriptor client, const Endpoint& to, std::string preface, Clock::time_point began, FlowShared& shared);

  /** errno of the connect that failed, or 0. */
  int Error() const { return error_; }
  int ClientFd() const { return client_.get(); }
  int ServerFd() const { return server_.get(); }

  /** `events` as epoll reports them, edge-triggered, for EPOLLIN, EPOLLOUT and EPOLLRDHUP. */
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
  Flow up_;
  Flow down_;
  const Clock::time_point began_;
  bool connected_ = false;
  int error_ = 0;
};

}  // namespace oximy
