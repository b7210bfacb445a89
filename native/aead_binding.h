#pragma once

#include <napi.h>

namespace oximy {

/** Adds `AeadDecipher` (src/tls/aead-decipher.ts) to the addon's exports; null where Node has no OpenSSL for it. */
void ExportAead(Napi::Env env, Napi::Object exports);

}  // namespace oximy
