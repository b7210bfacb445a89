/** For systems where containers have no network namespaces of this machine. */
#include "container_networks.h"

#include <system_error>

namespace oximy {

bool ContainerNetworks::Supported() { return false; }

std::unique_ptr<ContainerNetworks> ContainerNetworks::Start(const ContainerNetworkOptions&) {
  throw std::system_error(std::make_error_code(std::errc::not_supported), "container networks");
}

}  // namespace oximy
