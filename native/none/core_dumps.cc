#include "core_dumps.h"

namespace oximy {

bool ForbidCoreDumps() { return false; }
bool HideMemory() { return false; }

}  // namespace oximy
