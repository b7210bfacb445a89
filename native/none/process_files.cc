/** For systems where processes cannot be inspected this way yet: every result is unknown. */
#include "process_files.h"

namespace oximy {

FileResult ReadFileAs(const ProcessRef&, uint32_t, const std::string&, size_t, const IsKnown&) { return {}; }
FileResult ReadFileOf(uint32_t, uint32_t, const std::string&, size_t) { return {}; }
std::optional<std::string> ResolveAs(const ProcessRef&, uint32_t, const std::string&) { return std::nullopt; }
std::optional<std::string> ReadLinkAs(const ProcessRef&, uint32_t, const std::string&) { return std::nullopt; }
std::optional<std::vector<std::string>> ListFolderAs(const ProcessRef&, uint32_t, const std::string&, size_t) {
  return std::nullopt;
}
std::optional<ProgramFiles> ReadProgramFiles(const ProcessRef&, const std::vector<std::string>&, bool) {
  return std::nullopt;
}
std::optional<std::vector<std::string>> ReadMappedFiles(const ProcessRef&) { return std::nullopt; }
std::optional<std::string> ReadExecutablePart(const ProcessRef&, uint64_t, size_t) { return std::nullopt; }
std::optional<bool> FindInExecutable(const ProcessRef&, uint64_t, uint64_t, const std::string&) { return std::nullopt; }

}  // namespace oximy
