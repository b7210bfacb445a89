#include <napi.h>

#include "attribution_binding.h"
#include "front_binding.h"
<<<<<<< HEAD
#include "sites_binding.h"
=======
#include "secret_probes_binding.h"
>>>>>>> e77aedf (native: probes that copy the secrets of wanted TLS handshakes to a descriptor)

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  oximy::ExportAttribution(env, exports);
  oximy::ExportFront(env, exports);
<<<<<<< HEAD
  oximy::ExportSites(env, exports);
=======
  oximy::ExportSecretProbes(env, exports);
>>>>>>> e77aedf (native: probes that copy the secrets of wanted TLS handshakes to a descriptor)
  return exports;
}

}  // namespace

NODE_API_MODULE(oximy_native, Init)
