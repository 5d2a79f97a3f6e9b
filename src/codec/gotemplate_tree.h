// The parsed form of a template, shared by its parser and its runner only.
#pragma once

#include "codec/gotemplate_value.h"

#include <memory>
#include <string>
#include <vector>

namespace codec::gotemplate {

struct Pipe;

// One word of a command: where it starts from, then the fields that follow it.
struct Operand {
    enum class Kind { dot, field, variable, constant, nil, function, pipe };
    Kind kind = Kind::dot;
    std::size_t position = 0;  // byte offset, for error messages
    std::string name;          // variable (with $) or function
    Value constant;
    std::shared_ptr<const Pipe> pipe;  // (...): shared only so that Operand can be copied
    std::vector<std::string> fields;
    std::string source;  // as written, for error messages
};

using Command = std::vector<Operand>;

struct Pipe {
    std::vector<std::string> variables;  // {{$i, $v := ...}}
    bool assigns = false;                // `=` instead of `:=`
    std::vector<Command> commands;
    std::string source;
};

struct Node {
    enum class Kind { text, action, branch_if, branch_with, branch_range, stop, skip };
    Kind kind = Kind::text;
    std::string text;
    Pipe pipe;
    std::vector<Node> body;
    std::vector<Node> otherwise;
    std::size_t position = 0;
};

struct Tree {
    std::string name;
    std::string source;
    std::vector<Node> nodes;
};

bool is_function(std::string_view name);
// Calls a function other than `and` and `or`, which the runner evaluates lazily. `header`: see
// Template::Mode. The error is the bare text of what went wrong.
Result<Value> call(std::string_view name, std::span<const Value> arguments, bool header);
bool truth(const Value& value);
// Go's name of the value's type.
std::string type_of(const Value& value);
// Whether the object is a struct, not a map.
bool is_struct(const Value& value);
// The type of what a typed map does not have: fields of it are nothing, too.
inline constexpr std::string_view no_value = "<no value>";
// What every complaint of call() about a wrong argument begins with: it stands at that argument.
inline constexpr std::string_view wrong_argument = "wrong type for value; ";

}  // namespace codec::gotemplate
