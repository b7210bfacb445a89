#include "core_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace oximy {

bool ForbidCoreDumps() {
  // The limit alone does not apply to a core pattern that is a pipe; not being dumpable does (core(5)).
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  return HideMemory();
}

/** Reset by execve(2) in child processes: prctl(2), PR_SET_DUMPABLE. */
bool HideMemory() { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0; }

}  // namespace oximy
