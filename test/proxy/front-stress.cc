/**
 * The front without Node, to be built with a sanitizer (front-sanitizers.test.ts): clients that send, stall and
 * reset at random, verdicts at random from another thread. What passes through must come back as it was sent, and
 * the copies of what is read must be what passed.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "front.h"
#include "front_peek.h"
#include "linux/front_passage.h"

using oximy::ClassifyPeek;
using oximy::Endpoint;
using oximy::Front;
using oximy::FrontConnection;
using oximy::Passage;
using oximy::Peek;
using oximy::TapBatch;
using oximy::TapClose;
using oximy::TapOp;

namespace {

constexpr int kClients = 8;
constexpr int kConnectionsEach = 40;
/** Some taps reach it. */
constexpr uint64_t kMaxTapBytes = 1'000'000;
const std::string kRequest = "GET / HTTP/1.1\r\n\r\n";

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "failed: %s\n", what);
  _exit(1);
}

int OpenDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(directory) != nullptr) count++;
  closedir(directory);
  return count;
}

Endpoint Loopback(uint16_t port) {
  const uint8_t address[] = {127, 0, 0, 1};
  return oximy::FromIPv4(address, port);
}

sockaddr_in Address(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void ResetOnClose(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/** Sends back what it gets, to the end. */
void Echo(int fd) {
  std::vector<char> buffer(64 << 10);
  for (ssize_t n; (n = recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
    for (ssize_t sent = 0; sent < n;) {
      const ssize_t now = send(fd, buffer.data() + sent, n - sent, MSG_NOSIGNAL);
      if (now <= 0) break;
      sent += now;
    }
  }
  close(fd);
}

/** Says something, ends, and takes what comes. */
void Drain(int fd) {
  std::vector<char> buffer(300'000, 'd');
  send(fd, buffer.data(), buffer.size(), MSG_NOSIGNAL);
  shutdown(fd, SHUT_WR);
  while (recv(fd, buffer.data(), buffer.size(), 0) > 0) {
  }
  close(fd);
}

/** Listens, and runs `serve` in a thread for each connection, until it is shut down. */
class Server {
 public:
  explicit Server(void (*serve)(int)) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = Address(0);
    socklen_t length = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(fd_, 512) != 0) Fail("listen");
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
    accepting_ = std::thread([this, serve] {
      for (int fd; (fd = accept(fd_, nullptr, nullptr)) >= 0;) serving_.emplace_back(serve, fd);
    });
  }
  ~Server() {
    shutdown(fd_, SHUT_RDWR);
    accepting_.join();
    for (std::thread& thread : serving_) thread.join();
    close(fd_);
  }
  uint16_t port = 0;

 private:
  const int fd_;
  std::thread accepting_;
  std::vector<std::thread> serving_;
};

/** Memory that goes to the front and comes back with a batch. */
class GivenBuffer final : public oximy::TapBuffer {
 public:
  GivenBuffer() : TapBuffer(new char[kSize], true) {}
  ~GivenBuffer() override { delete[] data; }
};

/** What the taps say that passed, against what the front says, and the echo against what was sent. */
class Copies {
 public:
  void Add(const TapBatch& batch) {
    size_t offset = 0;
    for (size_t at = 0; at < batch.ops.size(); at += TapBatch::kOpWidth) {
      const auto op = static_cast<TapOp>(batch.ops[at]);
      Copy& copy = copies_[static_cast<uint64_t>(batch.ops[at + 1])];
      const double argument = batch.ops[at + 3];
      if (copy.closed) Fail("something came after a tap's close");
      if (op == TapOp::kRequest || op == TapOp::kResponse) {
        const auto length = static_cast<size_t>(argument);
        const size_t way = op == TapOp::kRequest ? 0 : 1;
        if (copy.ended[way]) Fail("bytes came after their end");
        copy.bytes[way].append(batch.buffer->data + offset, length);
        offset += length;
      } else if (op == TapOp::kClose) {
        copy.closed = static_cast<TapClose>(argument);
      } else {
        copy.ended[op == TapOp::kEndRequest ? 0 : 1] = true;
      }
    }
    if (offset != batch.used) Fail("a batch has other bytes than it says");
    for (const uint64_t id : batch.lost) {
      if (copies_[id].closed != TapClose::kLost) Fail("a lost tap was not closed");
    }
  }
  void End(const oximy::PassthroughEnd& end) {
    const auto found = copies_.find(end.id);
    if (found == copies_.end()) return;
    const auto& [bytes, ended, closed] = found->second;
    if (bytes[0].compare(0, bytes[1].size(), bytes[1]) != 0) Fail("the copy of the echo differs");
    const bool whole = closed == TapClose::kEnded;
    if (whole && (bytes[0].size() != end.bytes_up || bytes[1].size() != end.bytes_down)) Fail("a copy was cut off");
    if (whole && (!ended[0] || !ended[1] || end.cause != oximy::PassthroughCause::kEnded)) Fail("a wrong close");
    compared += whole ? 1 : 0;
    copies_.erase(found);
  }
  uint64_t compared = 0;

 private:
  struct Copy {
    std::array<std::string, 2> bytes;
    std::array<bool, 2> ended{};
    std::optional<TapClose> closed;
  };
  std::map<uint64_t, Copy> copies_;
};

/** Answers from a thread of its own, as JavaScript does. */
class Verdicts final : public oximy::FrontEvents {
 public:
  void OnConnection(FrontConnection connection) override {
    const std::lock_guard<std::mutex> guard(lock_);
    asked_.push_back(std::move(connection));
    changed_.notify_one();
  }
  void OnPassthroughEnd(oximy::PassthroughEnd end) override {
    ended++;
    copies_.End(end);
  }
  void OnTap(TapBatch batch) override {
    copies_.Add(batch);
    const std::lock_guard<std::mutex> guard(lock_);
    batches_.push_back(std::move(batch));
    changed_.notify_one();
  }
  void OnClosed() override {
    const std::lock_guard<std::mutex> guard(lock_);
    closed_ = true;
    changed_.notify_one();
  }
  void AnswerAll(Front& front, uint16_t server) {
    std::minstd_rand random(7);
    for (;;) {
      std::unique_lock<std::mutex> held(lock_);
      changed_.wait(held, [this] { return closed_ || !asked_.empty() || !batches_.empty(); });
      if (!batches_.empty()) {
        TapBatch batch = std::move(batches_.front());
        batches_.pop_front();
        held.unlock();
        TakeBatch(front, std::move(batch), random);
        continue;
      }
      if (asked_.empty()) return;
      const FrontConnection connection = std::move(asked_.front());
      asked_.pop_front();
      held.unlock();
      // What can be a request is passed on and compared; the rest gets whatever verdict comes.
      const bool can_be_request = connection.peeked.empty() || connection.peeked[0] == kRequest[0];
      const unsigned verdict = random() % (can_be_request ? 4 : 6);
      if (verdict == 0) {
        front.Passthrough(connection.id, Loopback(server));
      } else if (verdict <= 3) {
        ReadOne(front, connection.id, server, random);
      } else if (verdict == 4) {
        front.Reject(connection.id);
      } else if (const int fd = front.Take(connection.id); fd >= 0) {
        close(fd);
      }
      front.Stats();
    }
  }
  uint64_t Compared() const { return copies_.compared; }
  std::atomic<uint64_t> ended{0};

 private:
  void ReadOne(Front& front, uint64_t id, uint16_t server, std::minstd_rand& random) {
    oximy::ReadOptions options;
    options.max_tap_bytes = kMaxTapBytes;
    options.hold = random() % 2 == 0;
    front.Read(id, Loopback(server), options);
    if (random() % 2 == 0) front.Release(id);
    if (random() % 8 == 0) front.StopTap(id);
    if (random() % 2 == 0 && front.TapBuffersLeft() < 4) front.GiveTapBuffer(std::make_unique<GivenBuffer>());
  }
  void TakeBatch(Front& front, TapBatch batch, std::minstd_rand& random) {
    for (size_t at = 0; at < batch.shares.size(); at += 2) {
      const auto id = static_cast<uint64_t>(batch.shares[at]);
      if (random() % 8 != 0) front.TapConsumed(id, static_cast<uint64_t>(batch.shares[at + 1]));
      if (random() % 8 == 0) front.Release(id);
      if (random() % 128 == 0) front.StopTap(id);
    }
    if (batch.buffer && batch.buffer->is_given) front.GiveTapBuffer(std::move(batch.buffer));
  }

  /** Of the front's thread alone, until that has ended. */
  Copies copies_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<FrontConnection> asked_;
  std::deque<TapBatch> batches_;
  bool closed_ = false;
};

int Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Address(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) Fail("connect");
  return fd;
}

void SendAll(int fd, const std::string& bytes, std::minstd_rand random) {
  for (size_t sent = 0; sent < bytes.size();) {
    const size_t size = std::min<size_t>(bytes.size() - sent, 1 + random() % 90'000);
    const ssize_t n = send(fd, bytes.data() + sent, size, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += n;
  }
}

/** A request and random bytes, compared with their echo. */
void Compare(int fd, std::minstd_rand& random) {
  std::string bytes = kRequest;
  bytes.resize(bytes.size() + random() % 1'500'000);
  for (size_t i = kRequest.size(); i < bytes.size(); i++) bytes[i] = static_cast<char>(random());
  std::thread sender([&] {
    SendAll(fd, bytes, random);
    shutdown(fd, SHUT_WR);
  });
  std::string got;
  std::vector<char> buffer(64 << 10);
  for (ssize_t n; (n = recv(fd, buffer.data(), buffer.size(), 0)) > 0;) got.append(buffer.data(), n);
  sender.join();
  if (bytes.compare(0, got.size(), got) != 0) Fail("the echo differs");
  if (got.size() != bytes.size()) Fail("the echo was cut off");
}

void RunClient(uint16_t port, uint16_t elsewhere, Front& front, uint16_t server, unsigned seed) {
  std::minstd_rand random(seed);
  for (int i = 0; i < kConnectionsEach; i++) {
    const unsigned kind = random() % 6;
    const int fd = Connect(kind == 5 ? elsewhere : port);
    if (kind <= 1) {
      Compare(fd, random);
    } else if (kind == 2) {
      // Cut off in the middle of its bulk.
      SendAll(fd, kRequest + std::string(random() % 2'000'000, 'x'), random);
      ResetOnClose(fd);
    } else if (kind == 3) {
      std::string garbage(random() % 3000, '\0');
      for (char& byte : garbage) byte = static_cast<char>(random());
      SendAll(fd, garbage, random);
    } else if (kind == 4) {
      if (random() % 2 == 0) ResetOnClose(fd);
    } else {
      // The other way round: the peer of an adopted socket gets its own bytes back from the echo.
      oximy::ReadOptions options;
      options.max_tap_bytes = kMaxTapBytes;
      if (random() % 2 == 0) {
        front.Adopt(fd, kRequest, Loopback(server));
      } else {
        front.AdoptRead(fd, kRequest, Loopback(server), options);
      }
    }
    close(fd);
  }
}

void ClassifyRandomBytes() {
  const std::string kTelling("\x16\x03\x01\x00 GET/HTP1.\r\n", 17);
  std::minstd_rand random(3);
  for (int i = 0; i < 200'000; i++) {
    // Of exactly its size on the heap, so that one byte too far is seen.
    std::vector<uint8_t> bytes(random() % 64);
    for (uint8_t& byte : bytes) byte = random() % 4 == 0 ? random() : kTelling[random() % kTelling.size()];
    if (!bytes.empty() && random() % 2 == 0) bytes[0] = 22;
    const Peek whole = ClassifyPeek(bytes.data(), bytes.size());
    // A verdict asked for early must not be taken back by more bytes.
    for (size_t length = 0; length < bytes.size(); length++) {
      const std::vector<uint8_t> prefix(bytes.begin(), bytes.begin() + length);
      const Peek part = ClassifyPeek(prefix.data(), length);
      if (part != Peek::kIncomplete && part != whole) Fail("the classification changed its mind");
    }
  }
}

/** Listens; whoever connects is accepted by the test itself. */
int Listen(uint16_t& port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Address(0);
  socklen_t length = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(fd, 1) != 0) Fail("listen");
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  port = ntohs(address.sin_port);
  return fd;
}

/**
 * A reset that shows in the midst of pumping, before epoll tells of it: the kernel names the error once and then
 * answers as if the other side had ended in order. That end must not be handed on: cut short would look like whole.
 */
void HandOnReset(Passage::Side side, const std::string& on_its_way) {
  uint16_t front_port = 0;
  uint16_t server_port = 0;
  const int front = Listen(front_port);
  const int listening = Listen(server_port);
  const int client = Connect(front_port);
  oximy::FlowShared shared;
  Passage passage(oximy::Descriptor(accept4(front, nullptr, nullptr, SOCK_NONBLOCK)), Loopback(server_port), {},
                  oximy::Clock::now(), shared);
  const int server = accept(listening, nullptr, nullptr);
  passage.OnEvent(Passage::Side::kServer, EPOLLOUT);
  const bool by_client = side == Passage::Side::kClient;
  const int breaks = by_client ? client : server;
  const int stays = by_client ? server : client;
  send(stays, on_its_way.data(), on_its_way.size(), MSG_NOSIGNAL);
  ResetOnClose(breaks);
  close(breaks);
  const auto expected = by_client ? oximy::PassageState::kClientReset : oximy::PassageState::kServerReset;
  if (passage.Pump() != expected) Fail("a reset was not noticed");
  char byte;
  if (recv(stays, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN) Fail("a reset became an end");
  for (const int fd : {stays, front, listening}) close(fd);
}

/** A read stops short of urgent data, of which epoll tells: what is behind it must not be left there. */
void PassUrgentData() {
  uint16_t front_port = 0;
  uint16_t server_port = 0;
  const int front = Listen(front_port);
  const int listening = Listen(server_port);
  const int client = Connect(front_port);
  oximy::FlowShared shared;
  Passage passage(oximy::Descriptor(accept4(front, nullptr, nullptr, SOCK_NONBLOCK)), Loopback(server_port), {},
                  oximy::Clock::now(), shared);
  const int server = accept(listening, nullptr, nullptr);
  passage.OnEvent(Passage::Side::kServer, EPOLLOUT);
  const int epoll = epoll_create1(0);
  epoll_event event{};
  event.events = oximy::kPassageEvents;
  epoll_ctl(epoll, EPOLL_CTL_ADD, passage.ClientFd(), &event);
  for (const int flags : {0, int{MSG_OOB}, 0}) send(client, "byte", 4, flags);
  while (epoll_wait(epoll, &event, 1, 100) == 1) passage.OnEvent(Passage::Side::kClient, event.events);
  char got[16];
  // The urgent byte itself is not in the stream.
  if (recv(server, got, sizeof got, MSG_DONTWAIT) != 11) Fail("bytes were left behind urgent data");
  for (const int fd : {client, server, front, listening, epoll}) close(fd);
}

}  // namespace

int main() {
  PassUrgentData();
  ClassifyRandomBytes();
  for (const auto side : {Passage::Side::kClient, Passage::Side::kServer}) {
    for (const char* on_its_way : {"", "bytes"}) HandOnReset(side, on_its_way);
  }
  const int before = OpenDescriptors();
  uint64_t passed = 0;
  {
    Server server(Echo);
    Server elsewhere(Drain);
    Verdicts verdicts;
    oximy::FrontOptions options;
    options.listen = {Loopback(0)};
    options.silence_ms = 5;
    options.hello_ms = 10;
    // Longer than a busy machine lets any of them wait: it must not cut one off.
    options.idle_ms = 60'000;
    options.hold_ms = 20;
    options.tap_gather_ms = 2;
    const auto front = Front::Start(options, verdicts);
    std::thread answering([&] { verdicts.AnswerAll(*front, server.port); });
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; i++) {
      clients.emplace_back(RunClient, front->Addresses()[0].port, elsewhere.port, std::ref(*front), server.port, i + 1);
    }
    for (std::thread& client : clients) client.join();
    front->Close();
    answering.join();
    passed = front->Stats().passed;
    if (passed != verdicts.ended) Fail("a passthrough did not end");
    if (verdicts.Compared() == 0) Fail("nothing was read to its end");
  }
  if (OpenDescriptors() != before) Fail("descriptors are left");
  printf("ok, %llu passed\n", static_cast<unsigned long long>(passed));
}
