#pragma once

namespace oximy {

/** Which system's folder this addon was built from: "linux", "darwin" or "none". */
extern const char* const kImplementation;

}  // namespace oximy
