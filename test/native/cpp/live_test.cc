/** The addon's functions without Node, on real sockets and processes: for valgrind, under which Node does not run. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "check.h"
#include "connect_recorder.h"
#include "original_destination.h"
#include "process_finder.h"
#include "process_info.h"
#include "socket_owner.h"
#include "unique_fd.h"

using namespace oximy;

namespace {

Endpoint NameOf(int fd) {
  sockaddr_in name{};
  socklen_t length = sizeof name;
  getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
  return FromIPv4(reinterpret_cast<const uint8_t*>(&name.sin_addr), ntohs(name.sin_port));
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd Listen() {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = Loopback(0);
  CHECK(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(listen(listener.get(), 64) == 0);
  return listener;
}

UniqueFd Connect(uint16_t port) {
  UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = Loopback(port);
  CHECK(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return client;
}

std::chrono::steady_clock::time_point Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

void OwnConnection() {
  BEHAVIOUR("a connection of this process is found, with and without a record");
  const std::string failure = AttachConnectRecorder({});
  const UniqueFd listener = Listen();
  const Endpoint server = NameOf(listener.get());
  const UniqueFd client = Connect(server.port);
  const UniqueFd accepted(accept(listener.get(), nullptr, nullptr));
  const SocketTuple tuple{NameOf(client.get()), server};

  const auto owner = FindSocketOwner(tuple);
  CHECK(owner && owner->uid == geteuid());
  CHECK(FindProcess(owner->inode, {{1}, owner->uid, owner->cgroup_id}, Soon()) == getpid());
  CHECK(FindProcess(owner->inode, {}, Soon()) == getpid());
  CHECK(!OriginalDestination(accepted.get()));
  if (failure.empty()) {
    for (const auto& cookie : {std::optional<uint64_t>(owner->cookie), std::optional<uint64_t>()}) {
      const auto record = FindConnectRecord(tuple, cookie);
      CHECK(record && record->pid == getpid() && record->processes.size() > 1);
    }
  }
  DetachConnectRecorder();
  CHECK(!FindConnectRecord(tuple, owner->cookie));
}

void ManyThreads() {
  BEHAVIOUR("lookups from several threads do not disturb each other");
  AttachConnectRecorder({});
  const UniqueFd listener = Listen();
  const Endpoint server = NameOf(listener.get());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&server] {
      for (int round = 0; round < 10; round++) {
        const UniqueFd client = Connect(server.port);
        const SocketTuple tuple{NameOf(client.get()), server};
        const auto owner = FindSocketOwner(tuple);
        CHECK(owner && owner->inode != 0);
        FindConnectRecord(tuple, owner->cookie);
        CHECK(ReadProcessInfo(getpid()));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  DetachConnectRecorder();
}

void GoneProcess() {
  BEHAVIOUR("a process that has ended is nobody");
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  CHECK(!ReadProcessInfo(child));
  CHECK(!FindProcess(4'000'000'000, {{child}, std::nullopt, std::nullopt}, Soon()));
}

}  // namespace

void TestLive() {
  OwnConnection();
  ManyThreads();
  GoneProcess();
}
