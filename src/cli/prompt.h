// Questions on the terminal: a line of standard input, shown or not.
#pragma once

#include "base/error.h"

#include <string>
#include <string_view>

namespace cli {

// The next line of standard input without its end; what there is when it has ended.
std::string read_line();
// The same behind `question`, without blanks around it; with `echo` off the terminal does not show
// what is typed, and is put back whatever ends us meanwhile.
Result<std::string> ask(std::string_view question, bool echo);
// Without blanks and ends of lines around it.
std::string trimmed(std::string_view text);
// docker's remark on standard error, in colour on a terminal.
void note(std::string_view text);

}  // namespace cli
