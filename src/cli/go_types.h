// Documents of the engine as the Go structs that users' templates are written against: fields in
// their order, with their Go names, zeros where the document says nothing.
#pragma once

#include "codec/gotemplate_value.h"

#include <string_view>

namespace cli {

// `document` as a value of that type: "*container.InspectResponse", "[]string", "map[string]bool".
// What the type has no field for is dropped.
codec::Value typed(std::string_view type, const codec::Value& document);

}  // namespace cli
