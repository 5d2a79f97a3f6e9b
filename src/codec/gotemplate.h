// Go's text/template as far as `docker --format` users use it: fields, indexing, pipelines,
// variables, if/with/range, comparisons, printf, and docker's own functions (json, join, split,
// upper, lower, title, pad, truncate). Runs over a tree of Values.
#pragma once

#include "base/error.h"
#include "codec/gotemplate_value.h"

#include <memory>
#include <string>
#include <string_view>

namespace codec {

namespace gotemplate {
struct Tree;
}

class Template {
public:
    enum class Mode {
        values,
        header,  // functions that change a text leave it alone: a table's head shows column names
    };

    // Errors read as Go's, with the template's name: `template: NAME:1: unclosed action`.
    static Result<Template> parse(std::string_view text, std::string_view name = {});

    Template(Template&&) noexcept;
    Template& operator=(Template&&) noexcept;
    ~Template();

    // Appends to `out`; after an error `out` holds what came before it, as in Go.
    Status execute(const Value& dot, std::string& out, Mode mode = Mode::values) const;

private:
    explicit Template(std::unique_ptr<gotemplate::Tree> tree);
    std::unique_ptr<gotemplate::Tree> tree_;
};

// How Go prints a value inside {{ }}: map[k:v], [a b], {a b}, <no value>.
std::string go_text(const Value& value);
// How fmt.Sprint prints it: &{a b} behind a pointer; `names` is %+v.
std::string go_sprint(const Value& value, bool names = false);
// strconv.Quote.
std::string go_quote(std::string_view text);

}  // namespace codec
