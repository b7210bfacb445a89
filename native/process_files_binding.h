#pragma once

#include <napi.h>

namespace oximy {

void ExportProcessFiles(Napi::Env env, Napi::Object exports);

}  // namespace oximy
