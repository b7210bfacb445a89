#pragma once

#include <napi.h>

namespace oximy {

/** Adds the functions of src/secrets/native.ts (SitesAddon) to the addon's exports. */
void ExportSites(Napi::Env env, Napi::Object exports);

}  // namespace oximy
