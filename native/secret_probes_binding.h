#pragma once

#include <napi.h>

namespace oximy {

/** Adds `SecretProbes` and `secretProbesSupport` (src/secrets/probes.ts) to the addon's exports. */
void ExportSecretProbes(Napi::Env env, Napi::Object exports);

}  // namespace oximy
