/** Files of /proc. A process chooses its own name and arguments, so these bytes are anybody's. */
#include "linux/proc_parse.h"

#include <cstdlib>

using namespace oximy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ParseProcStat(text);
  ParseProcStatus(text);
  ParseProcGroups(text);
  ParseEnvironment(text, {"PATH"});
  ParseExecutableMappings(text);
  ParseCgroupPath(text);
  ParseCloseOnExec(text);
  ParseCgroup2MountPoint(text);
  ParseId(text);
  ParseIds(text);
  WithoutDeletedMark(text);
  for (const auto& argument : ParseCommandLine(text)) {
    if (argument.find('\0') != std::string::npos) std::abort();
  }
  return 0;
}
