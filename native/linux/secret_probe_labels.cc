#include "linux/secret_probe_labels.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace oximy {
namespace {

struct NamedLabel {
  std::string_view name;
  SecretLabel label;
};

// The key log format: draft-ietf-tls-keylogfile.
constexpr NamedLabel kLabels[] = {
    {"CLIENT_RANDOM", SecretLabel::kClientRandom},
    {"CLIENT_EARLY_TRAFFIC_SECRET", SecretLabel::kClientEarlyTraffic},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", SecretLabel::kClientHandshakeTraffic},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", SecretLabel::kServerHandshakeTraffic},
    {"CLIENT_TRAFFIC_SECRET_0", SecretLabel::kClientTraffic0},
    {"SERVER_TRAFFIC_SECRET_0", SecretLabel::kServerTraffic0},
    {"EXPORTER_SECRET", SecretLabel::kExporter},
};

/** More than any program has; a file's claims beyond that are ignored. */
constexpr size_t kMaxSegments = 256;

bool ReadAt(int file, void* to, size_t size, uint64_t offset) {
  return pread(file, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

std::vector<Elf64_Phdr> LoadedSegments(int file) {
  Elf64_Ehdr header;
  std::vector<Elf64_Phdr> segments;
  if (!ReadAt(file, &header, sizeof header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr) ||
      header.e_phnum > kMaxSegments) {
    return segments;
  }
  segments.resize(header.e_phnum);
  if (!ReadAt(file, segments.data(), segments.size() * sizeof(Elf64_Phdr), header.e_phoff)) return {};
  segments.erase(std::remove_if(segments.begin(), segments.end(),
                                [](const Elf64_Phdr& segment) { return segment.p_type != PT_LOAD; }),
                 segments.end());
  return segments;
}

}  // namespace

std::optional<SecretLabel> LabelNamed(std::string_view name) {
  for (const auto& [known, label] : kLabels) {
    if (name == known) return label;
  }
  return std::nullopt;
}

std::string ReadLabel(int file, uint64_t offset, int64_t distance, size_t length) {
  const auto segments = LoadedSegments(file);
  // Unsigned arithmetic throughout: any bogus value in the file wraps, and then lies in no segment.
  const auto code = std::find_if(segments.begin(), segments.end(), [&](const Elf64_Phdr& segment) {
    return offset >= segment.p_offset && offset - segment.p_offset < segment.p_filesz;
  });
  if (code == segments.end()) return {};
  const uint64_t address = offset - code->p_offset + code->p_vaddr + static_cast<uint64_t>(distance);
  const auto data = std::find_if(segments.begin(), segments.end(), [&](const Elf64_Phdr& segment) {
    return address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz;
  });
  if (data == segments.end()) return {};
  char text[32];
  const size_t size = std::min({length, sizeof text, static_cast<size_t>(data->p_filesz - (address - data->p_vaddr))});
  const ssize_t got = pread(file, text, size, static_cast<off_t>(address - data->p_vaddr + data->p_offset));
  return got > 0 ? std::string(text, strnlen(text, static_cast<size_t>(got))) : std::string();
}

}  // namespace oximy
