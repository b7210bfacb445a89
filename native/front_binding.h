#pragma once

#include <napi.h>

namespace oximy {

/** Adds `Front` (src/proxy/accept/front.ts: NativeFront) to the addon's exports; null where it is not supported. */
void ExportFront(Napi::Env env, Napi::Object exports);

}  // namespace oximy
