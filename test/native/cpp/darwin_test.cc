/** What macOS hands out, from byte fixtures: xnu's bsd/netinet/in_pcb.h, bsd/sys/socketvar.h. */
#include "bytes.h"
#include "check.h"
#include "darwin/pcblist.h"
#include "darwin/pcblist_layout.h"
#include "darwin/process_arguments.h"

using namespace oximy;

namespace {

Bytes Generation() { return Bytes(24).Host<uint32_t>(0, 24).Host<uint32_t>(4, 0x10); }

struct Pcb {
  uint8_t vflag = 1;
  std::vector<uint8_t> local, remote;
  uint16_t local_port = 0, remote_port = 0;
};

Bytes InPcb(const Pcb& pcb, uint32_t length = 104) {
  const size_t skip = pcb.local.size() == 4 ? 12 : 0;
  Bytes record(length);
  record.Host<uint32_t>(0, length).Host<uint32_t>(4, 0x10);
  record.Network16(16, pcb.remote_port).Network16(18, pcb.local_port).Host<uint8_t>(44, pcb.vflag);
  record.Raw(48 + skip, pcb.remote).Raw(64 + skip, pcb.local);
  return record.Align();
}

Bytes Socket(uint32_t uid, int last_pid, int effective_pid, uint32_t length = 104) {
  Bytes record(length);
  record.Host<uint32_t>(0, length).Host<uint32_t>(4, 0x01);
  record.Host<uint32_t>(64, uid).Host<int32_t>(68, last_pid).Host<int32_t>(72, effective_pid);
  return record.Align();
}

/** xtcpcb_n: the state stands behind the timers. */
Bytes Tcp(int state, uint32_t length = 204) {
  return Bytes(length).Host<uint32_t>(0, length).Host<uint32_t>(4, 0x20).Host<int32_t>(36, state).Align();
}

Bytes Other(uint32_t kind, uint32_t length) {
  return Bytes(length).Host<uint32_t>(0, length).Host<uint32_t>(4, kind).Align();
}

Endpoint At(const char* address, uint16_t port) { return *ParseEndpoint(address, port); }

const Pcb kBrowser{1, {192, 0, 2, 5}, {203, 0, 113, 7}, 50001, 443};
const Pcb kDaemon{2,
                  {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                  {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
                  50002,
                  443};
const Pcb kMapped{2,
                  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 5},
                  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 8},
                  50003,
                  443};

/** Three connections as macOS 12 lays them out: pcb, socket, two buffers, statistics, tcpcb. */
Bytes List() {
  Bytes list = Generation();
  list.Append(InPcb(kBrowser)).Append(Socket(501, 4711, 0));
  list.Append(Other(0x02, 32)).Append(Other(0x04, 32)).Append(Other(0x08, 136)).Append(Tcp(4));
  list.Append(InPcb(kDaemon)).Append(Socket(501, 88, 4712)).Append(Tcp(4));
  list.Append(InPcb(kMapped)).Append(Socket(0, 99, 0));
  return list.Append(Generation());
}

void PcbList() {
  BEHAVIOUR("every connection of the list is read, with its process");
  const Bytes list = List();
  const auto sockets = ParsePcbList(list.data(), list.size());
  CHECK(sockets.size() == 3);
  CHECK(sockets[0].tuple.local == At("192.0.2.5", 50001));
  CHECK(sockets[0].tuple.remote == At("203.0.113.7", 443));
  CHECK(sockets[0].uid == 501 && sockets[0].pid() == 4711);

  BEHAVIOUR("the process that a daemon acts for comes before the daemon");
  CHECK(sockets[1].last_pid == 88 && sockets[1].pid() == 4712);
  CHECK(sockets[1].tuple.remote == At("2001:db8::2", 443));

  BEHAVIOUR("a mapped address is IPv4");
  CHECK(sockets[2].tuple.local == At("192.0.2.5", 50003));

  BEHAVIOUR("a newer system's longer records and unknown kinds do no harm");
  Bytes newer = Generation();
  newer.Append(Other(0x400, 61)).Append(InPcb(kBrowser, 133)).Append(Other(0x77, 45)).Append(Socket(501, 4711, 0, 140));
  const auto of_newer = ParsePcbList(newer.data(), newer.size());
  CHECK(of_newer.size() == 1 && of_newer[0].pid() == 4711);

  BEHAVIOUR("the closing generation record ends the list, whatever its count looks like");
  Bytes closed = Generation();
  closed.Append(Generation()).Append(InPcb(kBrowser));
  CHECK(ParsePcbList(closed.data(), closed.size()).empty());

  BEHAVIOUR("a list that is cut anywhere gives what is whole");
  for (size_t size = 0; size < list.size(); size++) {
    const std::vector<uint8_t> cut(list.data(), list.data() + size);
    CHECK(ParsePcbList(cut.data(), cut.size()).size() <= 3);
  }

  BEHAVIOUR("a socket record without a connection before it belongs to nobody");
  Bytes stray = Generation();
  stray.Append(Socket(501, 4711, 0));
  CHECK(ParsePcbList(stray.data(), stray.size()).empty());
}

void EachVersion() {
  for (const auto& version : xnu::kVersions) {
    Bytes list = Generation();
    for (const auto& [pcb, pid] : {std::pair{kBrowser, 4711}, std::pair{kDaemon, 4712}}) {
      list.Append(InPcb(pcb, version.xinpcb_n_size)).Append(Socket(501, pid, 0, version.xsocket_n_size));
      list.Append(Other(0x02, 32)).Append(Other(0x04, 32)).Append(Other(0x08, 136));
      list.Append(Tcp(4, version.xtcpcb_n_size));
    }
    list.Append(Generation());
    BEHAVIOUR("each version's records are read whole");
    const auto sockets = ParsePcbList(list.data(), list.size());
    CHECK(sockets.size() == 2);
    CHECK(sockets[0].pid() == 4711 && sockets[0].uid == 501 && sockets[0].state == 4);
    CHECK(sockets[1].pid() == 4712 && sockets[1].tuple.remote == At("2001:db8::2", 443));
  }
}

void Destination() {
  const Bytes list = List();
  auto sockets = ParsePcbList(list.data(), list.size());
  const auto listener = At("127.0.0.1", 9443);

  BEHAVIOUR("the destination is where the client's own socket is connected to");
  CHECK(DestinationOfClient(sockets, At("192.0.2.5", 50001), listener) == At("203.0.113.7", 443));

  BEHAVIOUR("there is none for a client that nobody knows");
  CHECK(!DestinationOfClient(sockets, At("192.0.2.5", 1), listener));

  BEHAVIOUR("there is none when two sockets have the client's address");
  sockets.push_back(sockets[0]);
  CHECK(!DestinationOfClient(sockets, At("192.0.2.5", 50001), listener));

  BEHAVIOUR("a socket that only waits for old packets, or was never connected, does not make it two");
  for (const int state : {0, 10}) {
    Bytes reused = Generation();
    reused.Append(InPcb(kBrowser)).Append(Socket(501, 4711, 0)).Append(Tcp(4));
    Pcb old = kBrowser;
    old.remote = {203, 0, 113, 99};
    reused.Append(InPcb(old)).Append(Socket(501, 4711, 0)).Append(Tcp(state));
    const auto both = ParsePcbList(reused.data(), reused.size());
    CHECK(both.size() == 2);
    CHECK(DestinationOfClient(both, At("192.0.2.5", 50001), listener) == At("203.0.113.7", 443));
  }

  BEHAVIOUR("there is none for a client that connected to the listener itself");
  TcpSocket direct;
  direct.tuple = {At("127.0.0.1", 50010), listener};
  CHECK(!DestinationOfClient({direct}, At("127.0.0.1", 50010), listener));
}

void Arguments() {
  using namespace std::string_literals;
  const std::string count("\x03\0\0\0", 4);
  BEHAVIOUR("arguments end where the environment begins");
  const auto arguments =
      ParseProcessArguments(count + "/usr/local/bin/node\0\0\0\0\0node\0/opt/claude/cli.js\0--print\0KEY=secret\0"s);
  CHECK((arguments == std::vector<std::string>{"node", "/opt/claude/cli.js", "--print"}));

  BEHAVIOUR("empty arguments count");
  CHECK((ParseProcessArguments(count + "/bin/x\0\0x\0\0y\0Z=1\0"s) == std::vector<std::string>{"x", "", "y"}));

  BEHAVIOUR("what is cut or nonsense gives what is there");
  for (const auto& bytes : {""s, "\x01"s, count, count + "/bin/x", count + "/bin/x\0\0"s}) {
    CHECK(ParseProcessArguments(bytes).empty());
  }
  CHECK(ParseProcessArguments(std::string("\xff\xff\xff\xff", 4) + "/bin/x\0x\0"s).empty());
}

}  // namespace

void TestDarwin() {
  PcbList();
  EachVersion();
  Destination();
  Arguments();
}
