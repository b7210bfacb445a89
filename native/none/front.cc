/** For systems without a native front: Node's listener is used instead (src/proxy/accept/front.ts). */
#include "front.h"

#include <system_error>

namespace oximy {

bool Front::Supported() { return false; }

std::unique_ptr<Front> Front::Start(const FrontOptions&, FrontEvents&) {
  throw std::system_error(std::make_error_code(std::errc::not_supported), "native front");
}

}  // namespace oximy
