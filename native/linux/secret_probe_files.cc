#include "linux/secret_probe_files.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <system_error>

namespace oximy {
namespace {

// FUSE_SUPER_MAGIC of the kernel's fs/fuse/inode.c.
constexpr auto kFuse = 0x65735546;

/** Connections whose memory contained no wanted random; many belong to connections that are not wanted. */
constexpr uint32_t kMaxFoundNothing = 512;
constexpr uint32_t kMaxMissed = 3;
/** Files are few; a process that keeps creating new ones must not exhaust memory. */
constexpr size_t kMaxPlaces = 4096;

[[noreturn]] void Fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

std::string PlaceKey(const std::string& file, uint64_t offset) { return file + "+" + std::to_string(offset); }

/**
 * While the kernel places a probe it reads the page from the file, and no process of the machine can fork. A FUSE
 * server belongs to a user and could block it forever.
 */
void RefuseFuse(int file) {
  struct stat info {};
  struct statfs system {};
  if (fstat(file, &info) != 0 || fstatfs(file, &system) != 0) Fail("the executable");
  if (S_ISREG(info.st_mode) && system.f_type != kFuse) return;
  errno = ENOTSUP;
  Fail(S_ISREG(info.st_mode) ? "an executable on a FUSE file system" : "not a regular file");
}

bool RefusesByItself(SiteKind kind) { return kind == SiteKind::kGo || kind == SiteKind::kRustlsLog; }

}  // namespace

ProbeLinks ProbedFiles::Place(uint32_t id, const AttachedSite& site) const {
  const ProbeProgram wanted{site.kind, id, site.filter, site.place, setting_.pid_namespace};
  const UniqueFd program = bpf::LoadProgram(bpf::ProgramType::kKprobe, AttachTypeOf(setting_.method),
                                            AssembleProbe(*setting_.registers, setting_.maps, wanted));
  if (!program) Fail("bpf(PROG_LOAD)");
  auto links = PlaceProbes(setting_.method, program.get(), site.file->get(), {site.offset});
  if (links.empty()) Fail("uprobe at offset " + std::to_string(site.offset));
  return links;
}

// One link per site, because a program has to know the location of its own site's random. In a burst only the first
// waits for a grace period.
uint32_t ProbedFiles::Attach(UniqueFd file, const std::string& key, const std::vector<ProbeSite>& sites) {
  RefuseFuse(file.get());
  const auto shared = std::make_shared<const UniqueFd>(std::move(file));
  std::vector<std::pair<uint32_t, AttachedSite>> fresh;
  uint32_t handle = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    handle = ++last_handle_;
    for (const auto& site : sites) {
      AttachedSite attached{handle, site.kind, site.offset, PlaceKey(key, site.offset), shared, ProbeFilter::kProcess,
                            {},     {}};
      if (RefusesByItself(site.kind)) {
        attached.filter = ProbeFilter::kRandom;
      } else if (site.kind == SiteKind::kKeylog) {
        const auto known = places_.find(attached.key);
        attached.filter = known == places_.end() ? ProbeFilter::kLearning : ProbeFilter::kRandom;
        if (known != places_.end()) attached.place = known->second;
      }
      fresh.emplace_back(++last_site_, std::move(attached));
    }
  }
  // A secret may arrive before all links exist: its site must be known by then.
  for (const auto& [id, site] : fresh) {
    AttachedSite entry{site.handle, site.kind, site.offset, site.key, site.file, site.filter, site.place, {}};
    entry.changing = true;
    entry.settled = site.filter;
    const std::lock_guard<std::mutex> lock(mutex_);
    sites_.emplace(id, std::move(entry));
  }
  try {
    for (auto& [id, site] : fresh) site.links = Place(id, site);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [id, site] : fresh) sites_.erase(id);
    throw;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto& [id, site] : fresh) {
    if (closed_) {
      sites_.erase(id);
      continue;
    }
    auto& attached = sites_.at(id);
    attached.links = std::move(site.links);
    attached.changing = false;
  }
  if (closed_) throw std::system_error(std::make_error_code(std::errc::operation_canceled), "the probes were closed");
  return handle;
}

void ProbedFiles::Detach(uint32_t handle) {
  auto links = std::make_shared<ProbeLinks>();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto at = sites_.begin(); at != sites_.end();) {
      if (at->second.handle != handle) {
        ++at;
        continue;
      }
      for (auto& link : at->second.links) links->push_back(std::move(link));
      at = sites_.erase(at);
    }
  }
  Queue([links] { links->clear(); });
}

void ProbedFiles::Close() {
  {
    const std::lock_guard<std::mutex> lock(tasks_mutex_);
    if (closing_) return;
    closing_ = true;
    tasks_.clear();
  }
  tasks_changed_.notify_all();
  thread_.join();
  std::unordered_map<uint32_t, AttachedSite> gone;
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  gone.swap(sites_);
}

std::optional<ProbedFiles::Site> ProbedFiles::Find(uint32_t id) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = sites_.find(id);
  if (at == sites_.end()) return std::nullopt;
  const auto& site = at->second;
  return Site{site.kind, site.offset, site.filter == ProbeFilter::kLearning && !site.changing, site.file};
}

void ProbedFiles::Change(uint32_t id, AttachedSite& site, ProbeFilter filter, const RandomPlace& place) {
  site.changing = true;
  Queue([this, id, filter, place] { Replace(id, filter, place); });
}

void ProbedFiles::Replace(uint32_t id, ProbeFilter filter, const RandomPlace& place) {
  AttachedSite fresh{};
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto at = sites_.find(id);
    if (at == sites_.end()) return;
    fresh.kind = at->second.kind;
    fresh.offset = at->second.offset;
    fresh.file = at->second.file;
  }
  fresh.filter = filter;
  fresh.place = place;
  ProbeLinks old;
  try {
    old = Place(id, fresh);
  } catch (const std::system_error&) {
    // The existing program stays; `changing` remains set, so that this is not retried for every record.
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto at = sites_.find(id);
    if (at != sites_.end()) {
      at->second.links.swap(old);
      at->second.filter = filter;
      at->second.place = place;
    }
  }
  // The replaced program, or the new one of a site that was removed. Until it is gone both run.
  old.clear();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto at = sites_.find(id); at != sites_.end()) {
    at->second.changing = false;
    at->second.settled = filter;
  }
}

void ProbedFiles::Learned(uint32_t id, const RandomPlace& place) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = sites_.find(id);
  if (at == sites_.end() || at->second.changing) return;
  if (places_.size() >= kMaxPlaces) places_.clear();
  places_[at->second.key] = place;
  Change(id, at->second, ProbeFilter::kRandom, place);
}

void ProbedFiles::FoundNothing(uint32_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = sites_.find(id);
  if (at == sites_.end() || at->second.changing || ++at->second.found_nothing < kMaxFoundNothing) return;
  Change(id, at->second, ProbeFilter::kProcess, {});
}

void ProbedFiles::Missed(uint32_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = sites_.find(id);
  if (at == sites_.end() || at->second.changing || at->second.kind != SiteKind::kKeylog ||
      at->second.filter != ProbeFilter::kRandom) {
    return;
  }
  places_.erase(at->second.key);
  const bool again = ++at->second.missed < kMaxMissed;
  Change(id, at->second, again ? ProbeFilter::kLearning : ProbeFilter::kProcess, {});
}

ProbedFiles::Counts ProbedFiles::Count() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  Counts counts{0, 0};
  for (const auto& [id, site] : sites_) {
    counts.probes += site.links.size();
    if (site.kind == SiteKind::kKeylog && site.settled == ProbeFilter::kRandom) counts.places++;
  }
  return counts;
}

void ProbedFiles::Queue(std::function<void()> task) {
  {
    const std::lock_guard<std::mutex> lock(tasks_mutex_);
    if (closing_) return;
    tasks_.push_back(std::move(task));
  }
  tasks_changed_.notify_one();
}

void ProbedFiles::Work() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock<std::mutex> lock(tasks_mutex_);
  for (;;) {
    tasks_changed_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
    if (closing_) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace oximy
