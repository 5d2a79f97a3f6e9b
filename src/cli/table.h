// Lists as docker prints them: aligned tables, `--format` templates, JSON lines.
#pragma once

#include "base/error.h"
#include "codec/gotemplate.h"

#include <string>
#include <string_view>
#include <vector>

namespace cli {

// Go's text/tabwriter with docker's settings: cells are at least `least` wide, 3 apart; a column is
// aligned over the consecutive lines that have it.
std::string align(std::string_view text, std::size_t least = 10);

// A template as --format has it: blanks around it do not count, \t and \n are what they say.
Result<codec::Template> template_of(std::string_view format);
// Prints `rows` by `format`: "table ...", "json", or a template of a line. `head` has each column's
// title under its field's name. Errors are the template's.
Result<std::string> render(std::string_view format, const codec::Value& head,
                           const std::vector<codec::Value>& rows);
// Go's encoding/json of a row, which unlike `json` inside a template hides <, > and &.
std::string row_json(const codec::Value& row);

}  // namespace cli
