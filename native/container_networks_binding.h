#pragma once

#include <napi.h>

namespace oximy {

/** `ContainerNetworks`, for src/local/containers. */
void ExportContainerNetworks(Napi::Env env, Napi::Object exports);

}  // namespace oximy
