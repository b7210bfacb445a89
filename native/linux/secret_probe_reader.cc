#include "linux/secret_probe_reader.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "linux/secret_probe_candidates.h"
#include "linux/secret_probe_labels.h"

namespace oximy {
namespace {

/** Limit of cached labels, for a program that passes many different addresses as labels. */
constexpr size_t kMaxLabels = 1024;

}  // namespace

SecretReader::SecretReader(Rings& rings, const ProbeRegisters& registers, ProbedFiles& files, WantedHandshakes& wanted,
                           SecretOutput& output)
    : rings_(rings),
      registers_(registers),
      files_(files),
      wanted_(wanted),
      output_(output),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_) thread_ = std::thread(&SecretReader::Run, this);
}

SecretReader::~SecretReader() {
  if (!thread_.joinable()) return;
  stop_ = true;
  Wake();
  thread_.join();
}

void SecretReader::Wake() const { eventfd_write(wake_.get(), 1); }

/** In milliseconds, rounded up; -1 for never. */
int SecretReader::UntilNextExpiry() const {
  const auto next = wanted_.NextExpiry();
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - WantedHandshakes::Clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

void SecretReader::Run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // including SIGPIPE, when nobody reads the frames any more
  pollfd waiting[] = {{rings_.secrets.fd(), POLLIN, 0}, {rings_.memory.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  while (!stop_) {
    if (poll(waiting, 3, UntilNextExpiry()) < 0 && errno != EINTR) return;
    if (waiting[2].revents != 0) {
      eventfd_t ignored;
      eventfd_read(wake_.get(), &ignored);
    }
    if (stop_) return;
    rings_.secrets.Drain([this](const uint8_t* data, size_t size) { TakeSecret(data, size); });
    rings_.memory.Drain([this](const uint8_t* data, size_t size) { TakeMemory(data, size); });
    for (const auto& missed : wanted_.Expire()) files_.Missed(missed.site);
  }
}

std::optional<SecretLabel> SecretReader::LabelOf(const ProbedSecret& secret, const ProbedFiles::Site& site) {
  switch (site.kind) {
    case SiteKind::kRustlsLog:
      return SecretLabel::kClientRandom;
    case SiteKind::kNssHmacCreate:
    case SiteKind::kNssHmacInit:
      return SecretLabel::kUnknown;
    default:
      break;
  }
  const size_t length = std::min<size_t>(secret.label_length, sizeof secret.label);
  if (const size_t resident = strnlen(secret.label, length)) return LabelNamed({secret.label, resident});
  const auto key = std::make_pair(secret.site, secret.label_distance);
  auto known = labels_.find(key);
  if (known == labels_.end()) {
    if (labels_.size() >= kMaxLabels) labels_.clear();
    known = labels_.emplace(key, ReadLabel(site.file->get(), site.offset, secret.label_distance, length)).first;
  }
  if (known->second.empty()) return SecretLabel::kUnknown;
  return LabelNamed(known->second);
}

void SecretReader::TakeSecret(const uint8_t* data, size_t size) {
  if (size < sizeof(ProbedSecret)) return;
  // In place: a copy would be one more to wipe. Ring entries are aligned to 8 bytes.
  const auto& secret = *reinterpret_cast<const ProbedSecret*>(data);
  counts_.records++;
  const auto site = files_.Find(secret.site);
  if (!site) {
    counts_.foreign++;
    return;
  }
  const auto label = LabelOf(secret, *site);
  if (!label || *label == SecretLabel::kExporter) {
    counts_.unneeded++;
    return;
  }
  if (site->kind != SiteKind::kRustlsWillLog) {
    Forward(secret, *label, secret.secret, std::min<size_t>(secret.length, sizeof secret.secret));
    return;
  }
  if (size < offsetof(ProbedFrame, pointed) + registers_.preserved_count * sizeof(ProbedBlock)) return;
  const auto& frame = *reinterpret_cast<const ProbedFrame*>(data);
  std::vector<const uint8_t*> seen;
  EachCandidate(frame, registers_.preserved_count, [&](const uint8_t* candidate, size_t length) {
    for (const uint8_t* other : seen) {
      if (std::memcmp(other, candidate, sizeof(ProbedBlock)) == 0) return;
    }
    seen.push_back(candidate);
    Forward(secret, *label, candidate, length);
  });
}

void SecretReader::Forward(const ProbedSecret& from, SecretLabel label, const uint8_t* secret, size_t length) {
  if (from.proven != 0) {
    if (wanted_.Got(from.watch)) {
      Write(from.watch, label, 0, secret, length);
    } else {
      counts_.foreign++;
    }
    return;
  }
  const auto watches = wanted_.Of(from.process);
  if (watches.empty()) counts_.foreign++;
  for (const auto& watch : watches) {
    if (wanted_.Got(watch.id)) Write(watch.id, label, kCandidateFlag, secret, length);
  }
}

void SecretReader::Write(uint32_t watch, SecretLabel label, uint16_t flags, const uint8_t* secret, size_t length) {
  if (!output_.Write(watch, label, flags, secret, length)) {
    counts_.dropped++;
  } else if (flags & kCandidateFlag) {
    counts_.candidates++;
  } else {
    counts_.forwarded++;
  }
}

void SecretReader::TakeMemory(const uint8_t* data, size_t size) {
  if (size < sizeof(ProbedMemory)) return;
  const auto& memory = *reinterpret_cast<const ProbedMemory*>(data);
  const auto site = files_.Find(memory.site);
  if (!site || !site->learning) return;
  for (const auto& watch : wanted_.Of(memory.process)) {
    if (const auto place = FindRandom(memory, watch.random)) {
      files_.Learned(memory.site, *place);
      return;
    }
  }
  files_.FoundNothing(memory.site);
}

}  // namespace oximy
