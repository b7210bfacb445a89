#pragma once

#include <napi.h>

namespace oximy {

void ExportProcessEnd(Napi::Env env, Napi::Object exports);

}  // namespace oximy
