/** What Linux hands out: answers of NETLINK_SOCK_DIAG (linux/inet_diag.h) and files of /proc (proc(5)). */
#include <linux/netlink.h>

#include "bytes.h"
#include "check.h"
#include "linux/connect_programs.h"
#include "linux/proc_parse.h"
#include "linux/sock_diag_message.h"

using namespace oximy;

namespace {

Endpoint At(const char* address, uint16_t port) { return *ParseEndpoint(address, port); }

constexpr uint32_t kSequence = 7;
const SocketTuple kTuple{At("192.0.2.5", 50001), At("203.0.113.7", 443)};

/** nlmsghdr (16) and inet_diag_msg (72): family@16, state@17, id@20, uid@80, inode@84; attributes from 88. */
Bytes Answer(uint8_t family, uint8_t state) {
  Bytes answer(88);
  answer.Host<uint32_t>(0, 88).Host<uint16_t>(4, 20).Host<uint32_t>(8, kSequence);
  answer.Host<uint8_t>(16, family).Host<uint8_t>(17, state).Network16(20, 50001).Network16(22, 443);
  const std::vector<uint8_t> local{192, 0, 2, 5}, remote{203, 0, 113, 7};
  if (family == 2) {
    answer.Raw(24, local).Raw(40, remote);
  } else {
    answer.Raw(34, {0xff, 0xff}).Raw(36, local).Raw(50, {0xff, 0xff}).Raw(52, remote);
  }
  answer.Host<uint32_t>(60, 0x11).Host<uint32_t>(64, 0x22).Host<uint32_t>(80, 1000).Host<uint32_t>(84, 4242);
  return answer;
}

auto Parse(const Bytes& answer) { return ParseSockDiagAnswer(answer.data(), answer.size(), kTuple, kSequence); }

bool Fails(const Bytes& answer, SockDiagFailure failure) {
  const auto result = Parse(answer);
  return std::holds_alternative<SockDiagFailure>(result) && std::get<SockDiagFailure>(result) == failure;
}

void SockDiag() {
  BEHAVIOUR("inode, user, cookie and cgroup of a socket are read");
  Bytes answer = Answer(2, 1);
  Bytes attributes(24);
  attributes.Host<uint16_t>(0, 5).Host<uint16_t>(2, 8).Host<uint8_t>(4, 1);
  attributes.Host<uint16_t>(8, 12).Host<uint16_t>(10, 21).Host<uint64_t>(12, 25);
  answer.Append(attributes).Host<uint32_t>(0, 112);
  const auto result = Parse(answer);
  CHECK(std::holds_alternative<SocketOwner>(result));
  const auto& owner = std::get<SocketOwner>(result);
  CHECK(owner.inode == 4242 && owner.uid == 1000u && owner.cookie == 0x2200000011u && owner.cgroup_id == 25u);

  BEHAVIOUR("a dual-stack client is found under its IPv4 address");
  CHECK(std::holds_alternative<SocketOwner>(Parse(Answer(10, 1))));

  BEHAVIOUR("the user of what is left in TIME_WAIT is not known");
  CHECK(!std::get<SocketOwner>(Parse(Answer(2, 6))).uid);

  BEHAVIOUR("listeners and half-accepted connections are not the client");
  for (const uint8_t state : {3, 7, 10, 12}) CHECK(Fails(Answer(2, state), SockDiagFailure::kOtherSocket));

  BEHAVIOUR("another tuple and another question's answer are not taken");
  CHECK(Fails(Answer(2, 1).Network16(20, 50002), SockDiagFailure::kOtherSocket));
  CHECK(Fails(Answer(2, 1).Host<uint32_t>(8, kSequence - 1), SockDiagFailure::kOtherSocket));

  BEHAVIOUR("an error is an answer, too");
  Bytes error(36);
  error.Host<uint32_t>(0, 36).Host<uint16_t>(4, NLMSG_ERROR).Host<uint32_t>(8, kSequence).Host<int32_t>(16, -2);
  CHECK(Fails(error, SockDiagFailure::kNotFound));

  BEHAVIOUR("an answer that is cut anywhere, or lies about its length, does no harm");
  for (size_t size = 0; size <= answer.size(); size++) {
    const std::vector<uint8_t> cut(answer.data(), answer.data() + size);
    ParseSockDiagAnswer(cut.data(), cut.size(), kTuple, kSequence);
    Bytes liar = answer;
    liar.Host<uint16_t>(88, static_cast<uint16_t>(size));
    Parse(liar);
  }

  BEHAVIOUR("the question is for one socket, not for a list");
  const auto request = BuildSockDiagRequest(kTuple, kSequence);
  CHECK((request.header.nlmsg_flags & NLM_F_DUMP) == 0 && request.header.nlmsg_len == 72);
}

void Stat() {
  const std::string fields = " 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 125727 9 10\n";
  BEHAVIOUR("the name of a process may hold anything");
  const auto stat = ParseProcStat("4711 (a) S 1 (b\nc) R 815" + fields);
  CHECK(stat && stat->pid == 4711 && stat->comm == "a) S 1 (b\nc" && stat->state == 'R');
  CHECK(stat && stat->ppid == 815 && stat->start_time == 125727);

  BEHAVIOUR("what is cut anywhere is no process");
  const std::string whole = "4711 (x) R 815 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1";
  CHECK(ParseProcStat(whole));
  for (size_t size = 0; size < whole.size(); size++) CHECK(!ParseProcStat(whole.substr(0, size)));
}

void Files() {
  using namespace std::string_literals;
  BEHAVIOUR("the process of a thread and its effective user are read");
  const auto status = ParseProcStatus("Name:\tx\nTgid:\t4711\nPid:\t4712\nUid:\t1000\t0\t0\t0\n");
  CHECK(status && status->tgid == 4711 && status->effective_uid == 0);
  CHECK(!ParseProcStatus("Name:\tx\nTgid:\t4711\n"));
  CHECK(!ParseProcStatus("Tgid:\nUid:\n"));

  BEHAVIOUR("a command line is split at zero bytes, its overwritten tail left out");
  CHECK((ParseCommandLine("node\0\0x y\0"s) == std::vector<std::string>{"node", "", "x y"}));
  CHECK((ParseCommandLine("nginx: worker\0\0\0\0"s) == std::vector<std::string>{"nginx: worker"}));
  CHECK((ParseCommandLine("cut"s) == std::vector<std::string>{"cut"}));
  CHECK(ParseCommandLine("").empty());

  BEHAVIOUR("the groups of a process are read, root's and the largest too");
  const auto groups = ParseProcGroups("Uid:\t1\t2\t3\t4\nGid:\t5\t0\t7\t8\nFDSize:\t64\nGroups:\t4 4294967294 0 \n");
  CHECK(groups && groups->effective == 0 && (groups->others == std::vector<uint32_t>{4, 4294967294, 0}));
  CHECK(!ParseProcGroups("Gid:\t5\nGroups:\t4\n") && !ParseProcGroups("Gid:\t5\t6\t7\t8\n"));

  BEHAVIOUR("of an environment only what was asked for is kept, of a name that comes twice the first");
  const auto environment = ParseEnvironment("PATH=/bin\0KEY=secret\0CA=/a=b\0CA=c\0E=\0half"s, {"CA", "E", "half"});
  CHECK(environment && (*environment == std::vector<std::pair<std::string, std::string>>{{"CA", "/a=b"}, {"E", ""}}));
  CHECK(ParseEnvironment("", {"CA"}) && ParseEnvironment("", {"CA"})->empty());

  BEHAVIOUR("a title in the place of the environment is none");
  CHECK(!ParseEnvironment("nginx: worker\0\0\0CA=/a\0"s, {"CA"}));
  CHECK(!ParseEnvironment("=x\0CA=/a\0"s, {"CA"}));

  BEHAVIOUR("mapped files are those with code, each once");
  CHECK((ParseExecutableMappings(
             "1-2 r-xp 0 08:01 5    /usr/lib/libssl.so.3\n3-4 rw-p 0 08:01 6 /data\n"
             "5-6 r-xp 0 00:00 0 \n7-8 r-xp 0 00:00 0 [vdso]\n9-a r-xp 1 08:01 5 /usr/lib/libssl.so.3\n"
             "b-c r-xs 0 08:01 7 /a b (deleted)\n") ==
         std::vector<std::string>{"/a b (deleted)", "/usr/lib/libssl.so.3"}));

  BEHAVIOUR("the cgroup is that of version 2");
  CHECK(ParseCgroupPath("12:pids:/x\n0::/user.slice/app-a\\x2db-1.scope\n") == "/user.slice/app-a\\x2db-1.scope");
  CHECK(ParseCgroupPath("1:name=systemd:/x\n").empty());

  BEHAVIOUR("close-on-exec is read from the octal flags");
  CHECK(ParseCloseOnExec("pos:\t0\nflags:\t02004002\n") == true);
  CHECK(ParseCloseOnExec("pos:\t0\nflags:\t04002\n") == false);
  CHECK(!ParseCloseOnExec("pos:\t0\n") && !ParseCloseOnExec("flags:\t9\n"));

  BEHAVIOUR("the cgroup v2 mount is found, with its escapes undone");
  CHECK(ParseCgroup2MountPoint("41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n") ==
        "/sys/fs/cgroup/unified");
  CHECK(ParseCgroup2MountPoint("1 2 0:1 / /a\\040b shared:1 master:2 - cgroup2 none rw\n") == "/a b");
  CHECK(ParseCgroup2MountPoint("1 2 0:1 /docker/x /sys/fs/cgroup ro - cgroup2 none rw\n").empty());
  CHECK(ParseCgroup2MountPoint("1 2 0:1 / /sys/fs/cgroup ro - tmpfs cgroup2 rw\n").empty());

  BEHAVIOUR("the mark of a deleted executable is taken off once, from the end");
  CHECK(WithoutDeletedMark("/usr/bin/x (deleted)") == "/usr/bin/x");
  CHECK(WithoutDeletedMark("/usr/bin/x") == "/usr/bin/x");
  CHECK(WithoutDeletedMark(" (deleted)") == " (deleted)");

  BEHAVIOUR("lists of ids are separated by blanks or lines");
  CHECK((ParseIds("12 34 \n56\n") == std::vector<int>{12, 34, 56}));
  CHECK(ParseIds("").empty() && ParseIds("x -1\n").empty());

  BEHAVIOUR("only plain numbers are ids");
  CHECK(ParseId("0") == 0 && ParseId("4711") == 4711);
  for (const char* name : {"", "self", "1x", "-1", "+1", " 1", "99999999999"}) CHECK(!ParseId(name));
}

void TupleKeys() {
  BEHAVIOUR("the key of a tuple is what the kernel's program writes");
  const TupleKey key = TupleKeyOf(kTuple);
  const Bytes expected = Bytes(40)
                             .Raw(10, {0xff, 0xff, 203, 0, 113, 7})
                             .Raw(26, {0xff, 0xff, 192, 0, 2, 5})
                             .Network16(34, 443)
                             .Host<uint32_t>(36, 50001);
  CHECK(sizeof key == 40 && std::memcmp(&key, expected.data(), sizeof key) == 0);
}

}  // namespace

void TestLinux() {
  SockDiag();
  Stat();
  Files();
  TupleKeys();
}
