#pragma once

namespace oximy {

/** From now on this process leaves no core dump, and only root can read its memory. False where that cannot be had. */
bool ForbidCoreDumps();

}  // namespace oximy
