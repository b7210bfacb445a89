#include "confinement.h"

namespace oximy {

bool Confine() { return false; }

}  // namespace oximy
