#include <napi.h>

#include "aead_binding.h"
#include "attribution_binding.h"
#include "container_networks_binding.h"
#include "front_binding.h"
#include "process_end_binding.h"
#include "process_files_binding.h"
#include "secret_probes_binding.h"
#include "sites_binding.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  oximy::ExportAead(env, exports);
  oximy::ExportAttribution(env, exports);
  oximy::ExportContainerNetworks(env, exports);
  oximy::ExportFront(env, exports);
  oximy::ExportSites(env, exports);
  oximy::ExportSecretProbes(env, exports);
  oximy::ExportProcessEnd(env, exports);
  oximy::ExportProcessFiles(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(oximy_native, Init)
