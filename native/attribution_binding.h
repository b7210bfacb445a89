#pragma once

#include <napi.h>

namespace oximy {

/** Adds the functions of src/native/native.ts (NativeAddon) to the addon's exports. */
void ExportAttribution(Napi::Env env, Napi::Object exports);

}  // namespace oximy
