/**
 * The peers of bench/passthrough.ts, in C++ so that they cost little beside the relay under test.
 *
 *   load serve                              prints its port, then serves until its standard input ends
 *   load connect PORT COUNT CONCURRENCY     prints connections per second, p50 and p99 in ms
 *   load receive PORT BYTES                 prints MiB per second
 *   load requests PORT COUNT CONCURRENCY    on connections kept open; prints requests per second, p50 and p99 in ms
 *   load idle PORT COUNT                    opens connections, one request each; prints a line, holds them until its
 *                                           standard input ends
 *
 * A connection is a client hello of 393 bytes, an answer of 200 and the server's close. In a download the last
 * 8 bytes of the hello say how much; all bits set there mean requests of 1 KiB and answers of 1 KiB after it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kHello = 393;
constexpr size_t kAnswer = 200;
constexpr size_t kChunk = 256 << 10;
constexpr size_t kMessage = 1 << 10;
constexpr uint64_t kRequests = ~uint64_t{0};

[[noreturn]] void Fail(const char* what) {
  perror(what);
  exit(1);
}

double Seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool ReadExactly(int fd, char* bytes, size_t length) {
  while (length > 0) {
    const ssize_t n = read(fd, bytes, length);
    if (n <= 0) return false;
    bytes += n;
    length -= n;
  }
  return true;
}

void AnswerRequests(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char message[kMessage];
  while (ReadExactly(fd, message, sizeof message) && send(fd, message, sizeof message, MSG_NOSIGNAL) > 0) {
  }
  close(fd);
}

void Serve(int listener) {
  std::vector<char> chunk(kChunk, 'x');
  for (;;) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) Fail("accept");
    char hello[kHello];
    if (ReadExactly(fd, hello, sizeof hello)) {
      uint64_t left = 0;
      memcpy(&left, hello + kHello - sizeof left, sizeof left);
      if (left == kRequests) {
        std::thread(AnswerRequests, fd).detach();
        continue;
      }
      if (left == 0) left = kAnswer;
      while (left > 0) {
        const ssize_t n = send(fd, chunk.data(), std::min<uint64_t>(left, kChunk), MSG_NOSIGNAL);
        if (n <= 0) break;
        left -= n;
      }
    }
    close(fd);
  }
}

int ServeAll() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener, 4096) != 0) Fail("listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  for (int i = 0; i < 24; i++) std::thread(Serve, listener).detach();
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  _exit(0);
}

/** A connection whose hello says what is to come. */
int Hello(int port, uint64_t download) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) Fail("connect");
  constexpr size_t kBody = kHello - 9;
  char hello[kHello] = {22, 3, 1, (kBody + 4) >> 8, static_cast<char>((kBody + 4) & 0xff), 1, 0, kBody >> 8,
                        static_cast<char>(kBody & 0xff)};
  memcpy(hello + kHello - sizeof download, &download, sizeof download);
  if (send(fd, hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello) Fail("send");
  return fd;
}

/** Sends the hello and reads to the end; the bytes that came. */
uint64_t Exchange(int port, uint64_t download, std::vector<char>& buffer) {
  const int fd = Hello(port, download);
  uint64_t got = 0;
  for (ssize_t n; (n = read(fd, buffer.data(), buffer.size())) > 0;) got += n;
  close(fd);
  return got;
}

void Ask(int fd) {
  char message[kMessage] = {};
  if (send(fd, message, sizeof message, MSG_NOSIGNAL) != sizeof message) Fail("send");
  if (!ReadExactly(fd, message, sizeof message)) Fail("read");
}

/** Runs `exchange(thread)` so many times in all. */
template <typename Exchanging>
int Measure(int count, int concurrency, Exchanging exchange) {
  std::atomic<int> next{0};
  std::vector<double> latencies(count);
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < concurrency; i++) {
    threads.emplace_back([&, i] {
      for (int at; (at = next++) < count;) {
        const auto began = Clock::now();
        exchange(i);
        latencies[at] = Seconds(began) * 1000;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = Seconds(start);
  std::sort(latencies.begin(), latencies.end());
  printf("%.0f %.3f %.3f\n", count / seconds, latencies[count / 2], latencies[count * 99 / 100]);
  return 0;
}

int Connect(int port, int count, int concurrency) {
  std::vector<std::vector<char>> buffers(concurrency, std::vector<char>(4096));
  return Measure(count, concurrency, [&](int thread) {
    if (Exchange(port, 0, buffers[thread]) != kAnswer) Fail("short answer");
  });
}

int Requests(int port, int count, int concurrency) {
  std::vector<int> connections;
  for (int i = 0; i < concurrency; i++) {
    connections.push_back(Hello(port, kRequests));
    const int on = 1;
    setsockopt(connections[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Ask(connections[i]);
  }
  const int result = Measure(count, concurrency, [&](int thread) { Ask(connections[thread]); });
  for (const int fd : connections) close(fd);
  return result;
}

int Idle(int port, int count) {
  for (int i = 0; i < count; i++) Ask(Hello(port, kRequests));
  printf("%d\n", count);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  return 0;
}

int Receive(int port, uint64_t bytes) {
  std::vector<char> buffer(kChunk);
  const auto start = Clock::now();
  if (Exchange(port, bytes, buffer) != bytes) return fprintf(stderr, "short download\n"), 1;
  printf("%.0f\n", bytes / Seconds(start) / (1 << 20));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "serve") == 0) return ServeAll();
  if (argc == 5 && strcmp(argv[1], "connect") == 0) return Connect(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
  if (argc == 4 && strcmp(argv[1], "receive") == 0) return Receive(atoi(argv[2]), strtoull(argv[3], nullptr, 10));
  if (argc == 5 && strcmp(argv[1], "requests") == 0) return Requests(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
  if (argc == 4 && strcmp(argv[1], "idle") == 0) return Idle(atoi(argv[2]), atoi(argv[3]));
  return fprintf(stderr, "see the comment at the top of this file\n"), 2;
}
