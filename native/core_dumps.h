#pragma once

namespace oximy {

/** From now on this process leaves no core dump, and only root can read its memory. False where that cannot be had. */
bool ForbidCoreDumps();

/** The same without a limit that programs which it starts would inherit: their dumps are their own affair. */
bool HideMemory();

}  // namespace oximy
