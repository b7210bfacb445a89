/** For systems where no probe can be placed in another program. */
#include "secret_probes.h"

#include <system_error>

namespace oximy {

std::string SecretProbes::Support(ProbeMethod) { return "only Linux can read secrets of other programs"; }

std::shared_ptr<SecretProbes> SecretProbes::Start(int, const SecretProbeOptions&) {
  throw std::system_error(std::make_error_code(std::errc::not_supported), "secret probes");
}

}  // namespace oximy
