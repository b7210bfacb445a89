#pragma once

namespace oximy {

/** From now on this process leaves no core dump, and only root can read its memory. False where that fails. */
bool ForbidCoreDumps();

/** The same without the resource limit, which child processes would inherit: their dumps are their own business. */
bool HideMemory();

}  // namespace oximy
