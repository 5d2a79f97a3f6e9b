// Regular expressions of clients (the name and id filters of `ps`): linear time and bounded memory
// whatever they are.
#pragma once

#include "base/error.h"

#include <memory>
#include <string_view>

namespace codec {

class Pattern {
public:
    // Go's syntax (RE2). invalid for anything else.
    static Result<Pattern> compile(std::string_view expression);
    // Anywhere in `text`, unless the expression anchors itself.
    bool found_in(std::string_view text) const;

    Pattern(Pattern&&) noexcept;
    Pattern& operator=(Pattern&&) noexcept;
    ~Pattern();

private:
    struct Compiled;
    explicit Pattern(std::unique_ptr<Compiled> compiled);
    std::unique_ptr<Compiled> compiled_;
};

}  // namespace codec
