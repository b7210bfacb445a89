#include "linux/secret_probe_programs.h"

#include "linux/bpf_assembler.h"

namespace oximy {
namespace {

using bpf::Assembler;
using bpf::Helper;
using bpf::kR0;
using bpf::kR1;
using bpf::kR2;
using bpf::kR3;
using bpf::kR4;
using bpf::kStack;
using bpf::Label;

// Registers preserved across calls.
constexpr auto kContext = bpf::kR6;
constexpr auto kRecord = bpf::kR7;
constexpr auto kLabelAt = bpf::kR8;
constexpr auto kSecretAt = bpf::kR9;

// Offsets on the program's stack. The helpers write the thread id at kThread and the process id after it.
constexpr int16_t kThread = -8;
constexpr int16_t kProcess = -4;
constexpr int16_t kCounter = -16;
constexpr int16_t kLength = -24;
constexpr int16_t kLabelLength = -32;
constexpr int16_t kRandomAt = -40;
constexpr int16_t kWatch = -48;
constexpr int16_t kWatchedProcess = -56;
constexpr int16_t kRandom = -88;

constexpr size_t kRandomSize = 32;
/** "EXPORTER" in memory, on the little-endian machines that we support: that secret encrypts no records. */
constexpr uint64_t kExporterLabel = 0x524554524f505845;
/** A whole block is read at once if all of it is resident, else in parts of this size. */
constexpr size_t kPart = 256;

template <typename Size>
constexpr int32_t Int(Size size) {
  return static_cast<int32_t>(size);
}

class Builder {
 public:
  Builder(const ProbeRegisters& registers, const ProbeMaps& maps, const ProbeProgram& program)
      : registers_(registers), maps_(maps), program_(program) {}

  std::vector<bpf_insn> Build() {
    code_.Move(kContext, kR1);
    FilterByProcess();
    LoadArguments();
    if (KnowsRandom()) FilterByRandom();
    CopySecret();
    if (program_.kind == SiteKind::kKeylog && program_.filter == ProbeFilter::kLearning) CopyMemory();
    code_.Bind(done_);
    code_.Return(0);

    code_.Bind(refused_by_process_);
    Count(ProbeCounter::kRefusedByProcess);
    code_.Return(0);
    if (KnowsRandom()) {
      code_.Bind(refused_by_random_);
      code_.Load64(kR1, kStack, kWatchedProcess);
      code_.Move(kR2, 1);
      code_.AtomicAdd64(kR1, offsetof(WatchedProcess, refused), kR2);
      code_.Move(kR2, Int(program_.site));
      code_.Store64(kR1, offsetof(WatchedProcess, refused_site), kR2);
      Count(ProbeCounter::kRefusedByRandom);
      code_.Return(0);
    }
    if (program_.kind != SiteKind::kRustlsWillLog) {  // the verifier rejects unreachable code
      code_.Bind(unreadable_);
      Count(ProbeCounter::kUnreadable);
      code_.Return(0);
    }
    code_.Bind(lost_);
    Count(ProbeCounter::kLost);
    code_.Return(0);
    return code_.Finish();
  }

 private:
  bool KnowsRandom() const {
    return program_.kind == SiteKind::kGo || program_.kind == SiteKind::kRustlsLog ||
           (program_.kind == SiteKind::kKeylog && program_.filter == ProbeFilter::kRandom);
  }

  void Count(ProbeCounter counter) {
    Label absent;
    code_.StoreValue32(kStack, kCounter, Int(counter));
    code_.LoadMap(kR1, maps_.counters);
    code_.Address(kR2, kStack, kCounter);
    code_.Call(Helper::kMapLookUp);
    code_.JumpIfEqual(kR0, 0, absent);
    code_.Move(kR1, 1);
    code_.AtomicAdd64(kR0, 0, kR1);
    code_.Bind(absent);
  }

  /** Reads from the address in r3. If it is not resident, r0 is not 0 and the destination is zeroed. */
  void ReadUser(bpf::Register base, int16_t offset, size_t size) {
    code_.Address(kR1, base, offset);
    code_.Move(kR2, Int(size));
    code_.Call(Helper::kReadUser);
  }

  void FilterByProcess() {
    if (program_.pid_namespace) {
      code_.Move64(kR1, program_.pid_namespace->device);
      code_.Move64(kR2, program_.pid_namespace->inode);
      code_.Address(kR3, kStack, kThread);
      code_.Move(kR4, 8);
      code_.Call(Helper::kNamespacePidTgid);
      code_.JumpIfNotEqual(kR0, 0, refused_by_process_);
    } else {
      code_.Call(Helper::kCurrentPidTgid);
      code_.Store64(kStack, kThread, kR0);
    }
    code_.LoadMap(kR1, maps_.processes);
    code_.Address(kR2, kStack, kProcess);
    code_.Call(Helper::kMapLookUp);
    code_.JumpIfEqual(kR0, 0, refused_by_process_);
    code_.Store64(kStack, kWatchedProcess, kR0);
  }

  void LoadArguments() {
    const auto& r = registers_;
    code_.StoreValue64(kStack, kLabelLength, 0);
    code_.StoreValue64(kStack, kLength, 0);
    code_.StoreValue64(kStack, kWatch, 0);
    code_.Move(kLabelAt, 0);
    switch (program_.kind) {
      case SiteKind::kKeylog:
        code_.Load64(kLabelAt, kContext, r.keylog.label);
        code_.StoreValue64(kStack, kLabelLength, sizeof(ProbedSecret::label));
        // GnuTLS's length is an unsigned int; the upper half of the register is undefined.
        LoadSecret(r.keylog.secret, r.keylog.length);
        break;
      case SiteKind::kGo:
        code_.Load64(kLabelAt, kContext, r.go.label);
        CopyRegister(r.go.label_length, kLabelLength);
        CopyRegister(r.go.random, kRandomAt);
        LoadSecret(r.go.secret, r.go.length);
        break;
      case SiteKind::kRustlsLog:
        CopyRegister(r.log.random, kRandomAt);
        code_.Load64(kSecretAt, kContext, r.log.secret);
        code_.StoreValue64(kStack, kLength, 48);
        break;
      case SiteKind::kRustlsWillLog:
        code_.Load64(kLabelAt, kContext, r.will_log.label);
        CopyRegister(r.will_log.label_length, kLabelLength);
        break;
      case SiteKind::kNssHmacCreate:
        LoadSecret(r.hmac_create.secret, r.hmac_create.length);
        break;
      case SiteKind::kNssHmacInit:
        LoadSecret(r.hmac_init.secret, r.hmac_init.length);
        break;
    }
    if (program_.kind == SiteKind::kKeylog && program_.filter == ProbeFilter::kRandom) FindRandom();
  }

  void CopyRegister(int16_t from, int16_t to) {
    code_.Load64(kR1, kContext, from);
    code_.Store64(kStack, to, kR1);
  }

  /** 32 or 48 bytes: the sizes of TLS's hashes and of its master secret. */
  void LoadSecret(int16_t secret, int16_t length) {
    Label fits;
    code_.Load64(kSecretAt, kContext, secret);
    code_.Load32(kR1, kContext, length);
    code_.JumpIfEqual(kR1, 32, fits);
    code_.JumpIfNotEqual(kR1, 48, done_);
    code_.Bind(fits);
    code_.Store64(kStack, kLength, kR1);
  }

  void FindRandom() {
    code_.Load64(kR3, kContext, registers_.keylog.connection);
    if (program_.place.pointer >= 0) {
      code_.Add(kR3, program_.place.pointer);
      ReadUser(kStack, kRandomAt, sizeof(uint64_t));
      code_.JumpIfNotEqual(kR0, 0, unreadable_);
      code_.Load64(kR3, kStack, kRandomAt);
    }
    code_.Add(kR3, program_.place.offset);
    code_.Store64(kStack, kRandomAt, kR3);
  }

  void FilterByRandom() {
    code_.Load64(kR3, kStack, kRandomAt);
    ReadUser(kStack, kRandom, kRandomSize);
    code_.JumpIfNotEqual(kR0, 0, unreadable_);
    code_.LoadMap(kR1, maps_.randoms);
    code_.Address(kR2, kStack, kRandom);
    code_.Call(Helper::kMapLookUp);
    code_.JumpIfEqual(kR0, 0, refused_by_random_);
    code_.Load32(kR1, kR0, 0);
    code_.Store64(kStack, kWatch, kR1);
  }

  void Reserve(int ring, size_t size, Label& full) {
    code_.LoadMap(kR1, ring);
    code_.Move(kR2, Int(size));
    code_.Move(kR3, 0);
    code_.Call(Helper::kRingReserve);
    code_.JumpIfEqual(kR0, 0, full);
    code_.Move(kRecord, kR0);
    code_.Load32(kR1, kStack, kProcess);
    code_.Store32(kRecord, 0, kR1);
    code_.StoreValue32(kRecord, 4, Int(program_.site));
  }

  void Give(Helper helper) {
    code_.Move(kR1, kRecord);
    code_.Move(kR2, 0);
    code_.Call(helper);
  }

  void CopySecret() {
    static_assert(offsetof(ProbedSecret, process) == 0 && offsetof(ProbedSecret, site) == 4);
    Label submitted;
    const bool frame = program_.kind == SiteKind::kRustlsWillLog;
    const size_t size = frame ? offsetof(ProbedFrame, pointed) + registers_.preserved_count * sizeof(ProbedBlock)
                              : sizeof(ProbedSecret);
    Reserve(maps_.secrets, size, lost_);
    const auto copy = [&](int16_t from, size_t to) {
      code_.Load64(kR1, kStack, from);
      code_.Store32(kRecord, static_cast<int16_t>(to), kR1);
    };
    copy(kWatch, offsetof(ProbedSecret, watch));
    copy(kLength, offsetof(ProbedSecret, length));
    code_.StoreValue32(kRecord, offsetof(ProbedSecret, proven), KnowsRandom() ? 1 : 0);
    code_.Move(kR1, kLabelAt);
    code_.Load64(kR2, kContext, registers_.instruction);
    code_.Subtract(kR1, kR2);
    code_.Store64(kRecord, offsetof(ProbedSecret, label_distance), kR1);

    // The label is constant data that may not have been touched yet. When it is not resident it is read from the file.
    code_.Move(kR3, kLabelAt);
    ReadUser(kRecord, offsetof(ProbedSecret, label), sizeof(ProbedSecret::label));
    copy(kLabelLength, offsetof(ProbedSecret, label_length));
    Label exporter;
    code_.Load64(kR1, kRecord, offsetof(ProbedSecret, label));
    code_.Move64(kR2, kExporterLabel);
    code_.JumpIfEqual(kR1, kR2, exporter);

    if (frame) {
      code_.Load64(kR3, kContext, registers_.stack);
      ReadUser(kRecord, offsetof(ProbedFrame, stack), sizeof(ProbedFrame::stack));
      for (size_t i = 0; i < registers_.preserved_count; i++) {
        code_.Load64(kR3, kContext, registers_.preserved[i]);
        ReadUser(kRecord, static_cast<int16_t>(offsetof(ProbedFrame, pointed) + i * sizeof(ProbedBlock)),
                 sizeof(ProbedBlock));
      }
      Give(Helper::kRingSubmit);
      code_.Jump(submitted);
      DiscardExporter(exporter);
      code_.Bind(submitted);
      return;
    }
    Label discard;
    code_.Address(kR1, kRecord, offsetof(ProbedSecret, secret));
    code_.Load64(kR2, kStack, kLength);
    code_.JumpIfGreater(kR2, sizeof(ProbedSecret::secret), discard);  // never taken: for the verifier
    code_.Move(kR3, kSecretAt);
    code_.Call(Helper::kReadUser);
    code_.JumpIfNotEqual(kR0, 0, discard);
    Give(Helper::kRingSubmit);
    code_.Jump(submitted);
    code_.Bind(discard);
    Give(Helper::kRingDiscard);
    code_.Jump(unreadable_);
    DiscardExporter(exporter);
    code_.Bind(submitted);
  }

  void DiscardExporter(Label& exporter) {
    code_.Bind(exporter);
    Give(Helper::kRingDiscard);
    Count(ProbeCounter::kUnneeded);
    code_.Return(0);
  }

  /** Non-resident parts stay zero: the random was just used. */
  void CopyBlock(bpf::Register base, int16_t from, size_t to, size_t size) {
    Label whole;
    code_.Load64(kR3, base, from);
    ReadUserFar(to, size);
    code_.JumpIfEqual(kR0, 0, whole);
    for (size_t part = 0; part < size; part += kPart) {
      code_.Load64(kR3, base, from);
      code_.Add(kR3, Int(part));
      ReadUserFar(to + part, kPart);
    }
    code_.Bind(whole);
  }

  /** For memory records, whose offsets exceed 16 bits. */
  void ReadUserFar(size_t to, size_t size) {
    code_.Address(kR1, kRecord, Int(to));
    code_.Move(kR2, Int(size));
    code_.Call(Helper::kReadUser);
  }

  void CopyMemory() {
    static_assert(offsetof(ProbedMemory, process) == 0 && offsetof(ProbedMemory, site) == 4);
    Reserve(maps_.memory, sizeof(ProbedMemory), done_);
    CopyBlock(kContext, registers_.keylog.connection, offsetof(ProbedMemory, connection),
              sizeof(ProbedMemory::connection));
    for (size_t i = 0; i < ProbedMemory::kPointers; i++) {
      CopyBlock(kRecord, static_cast<int16_t>(offsetof(ProbedMemory, connection) + 8 * i),
                offsetof(ProbedMemory, pointed) + i * sizeof(ProbedMemory::pointed[0]),
                sizeof(ProbedMemory::pointed[0]));
    }
    Give(Helper::kRingSubmit);
  }

  const ProbeRegisters& registers_;
  const ProbeMaps& maps_;
  const ProbeProgram& program_;
  Assembler code_;
  Label done_;
  Label refused_by_process_;
  Label refused_by_random_;
  Label unreadable_;
  Label lost_;
};

}  // namespace

std::vector<bpf_insn> AssembleProbe(const ProbeRegisters& registers, const ProbeMaps& maps,
                                    const ProbeProgram& program) {
  return Builder(registers, maps, program).Build();
}

}  // namespace oximy
