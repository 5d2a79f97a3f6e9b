// Images and containers as rows of a list, for their own commands and for `system df -v`.
#pragma once

#include "codec/gotemplate_value.h"

#include <vector>

namespace cli {

using codec::Value;

// The titles, by field.
Value image_head();
Value container_head();
// A row for each name of the image; with digests one for each digest of the name.
void add_image_rows(std::vector<Value>& rows, const Value& image, bool trunc, bool digests);
Value container_row(const Value& container, bool trunc);

}  // namespace cli
