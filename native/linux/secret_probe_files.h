#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "linux/secret_probe_links.h"
#include "linux/secret_probe_programs.h"

namespace oximy {

/** Shared by all programs of one SecretProbes. */
struct ProbeSetting {
  const ProbeRegisters* registers;
  ProbeMethod method;
  ProbeMaps maps;
  std::optional<PidNamespace> pid_namespace;
};

/** The files that have probes, and how each of their sites filters. Thread-safe. */
class ProbedFiles {
 public:
  explicit ProbedFiles(const ProbeSetting& setting) : setting_(setting), thread_(&ProbedFiles::Work, this) {}
  ~ProbedFiles() { Close(); }

  /** See SecretProbes. */
  uint32_t Attach(UniqueFd file, const std::string& key, const std::vector<ProbeSite>& sites);
  void Detach(uint32_t handle);
  /** Removes all. */
  void Close();

  struct Site {
    SiteKind kind;
    uint64_t offset;
    /** Its memory is searched for the random, and results are reported to `Learned`. */
    bool learning;
    std::shared_ptr<const UniqueFd> file;
  };
  std::optional<Site> Find(uint32_t site) const;

  // Each of these replaces the program of a site, asynchronously: the new one is in place before the old one goes.

  /** From now on the site filters by the random. */
  void Learned(uint32_t site, const RandomPlace& place);
  /** Nothing was found in one connection's memory; after many of these the search ends. */
  void FoundNothing(uint32_t site);
  /** A wanted secret did not arrive: the place may be wrong. It is searched for again, a few times. */
  void Missed(uint32_t site);

  /** Probes in place, and sites where the location of the random is known. */
  struct Counts {
    uint64_t probes;
    uint64_t places;
  };
  Counts Count() const;

 private:
  struct AttachedSite {
    uint32_t handle;
    SiteKind kind;
    uint64_t offset;
    std::string key;
    std::shared_ptr<const UniqueFd> file;
    ProbeFilter filter;
    RandomPlace place;
    ProbeLinks links;
    bool changing = false;
    /** Filter of the last program that ran alone: during a replacement, that of the old one. */
    ProbeFilter settled = ProbeFilter::kProcess;
    uint32_t found_nothing = 0;
    uint32_t missed = 0;
  };

  /** Throws std::system_error. */
  ProbeLinks Place(uint32_t id, const AttachedSite& site) const;
  void Change(uint32_t id, AttachedSite& site, ProbeFilter filter, const RandomPlace& place);
  void Replace(uint32_t id, ProbeFilter filter, const RandomPlace& place);
  void Queue(std::function<void()> task);
  void Work();

  const ProbeSetting setting_;
  mutable std::mutex mutex_;
  std::unordered_map<uint32_t, AttachedSite> sites_;
  /** By file and offset: outlives the probes. */
  std::unordered_map<std::string, RandomPlace> places_;
  bool closed_ = false;
  uint32_t last_handle_ = 0;
  uint32_t last_site_ = 0;

  std::mutex tasks_mutex_;
  std::condition_variable tasks_changed_;
  std::deque<std::function<void()>> tasks_;
  bool closing_ = false;
  /** Places and removes probes, which blocks on the kernel, on behalf of threads that must not block. */
  std::thread thread_;
};

}  // namespace oximy
