// Walks the tree of a template with a dot, variables and an output.
#include "codec/gotemplate.h"
#include "codec/gotemplate_tree.h"

#include <algorithm>
#include <fmt/format.h>

namespace codec {

namespace gotemplate {

namespace {

class Runner {
public:
    Runner(const Tree& tree, const Value& dot, std::string& out, bool header)
        : tree_(tree), out_(out), header_(header) {
        variables_.push_back({"$", dot});
    }

    enum class Flow { on, stop, skip };

    Result<Flow> list(const std::vector<Node>& nodes, const Value& dot) {
        for (const Node& node : nodes) {
            TRY(Flow flow, one(node, dot));
            if (flow != Flow::on) return flow;
        }
        return Flow::on;
    }

private:
    struct Variable {
        std::string name;
        Value value;
    };

    // `template: :1:8: executing "" at <.State.Foo>: what`
    Error fail(std::size_t position, std::string_view source, std::string_view what) const {
        std::string_view before = std::string_view(tree_.source).substr(0, position);
        std::size_t line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
        std::size_t newline = before.rfind('\n');
        std::size_t column = newline == before.npos ? position : position - newline;
        return Error(Kind::invalid,
                     fmt::format("template: {0}:{1}:{2}: executing \"{0}\" at <{3}>: {4}",
                                 tree_.name, line, column, source, what));
    }

    Result<Flow> one(const Node& node, const Value& dot) {
        switch (node.kind) {
        case Node::Kind::text:
            out_ += node.text;
            return Flow::on;
        case Node::Kind::stop:
            return Flow::stop;
        case Node::Kind::skip:
            return Flow::skip;
        case Node::Kind::action: {
            TRY(Value value, pipe(node.pipe, dot));
            if (node.pipe.variables.empty()) out_ += go_text(value);
            return Flow::on;
        }
        case Node::Kind::branch_range: {
            std::size_t mark = variables_.size();
            auto flow = range(node, dot);
            variables_.resize(mark);
            return flow;
        }
        case Node::Kind::branch_if:
        case Node::Kind::branch_with:
            break;
        }
        std::size_t mark = variables_.size();
        TRY(Value value, pipe(node.pipe, dot));
        bool holds = truth(value);
        const Value& inner = holds && node.kind == Node::Kind::branch_with ? value : dot;
        TRY(Flow flow, list(holds ? node.body : node.otherwise, inner));
        variables_.resize(mark);
        return flow;
    }

    Result<Flow> range(const Node& node, const Value& dot) {
        Pipe plain = node.pipe;
        plain.variables.clear();
        TRY(Value over, pipe(plain, dot));
        std::vector<std::pair<Value, Value>> pairs;
        if (over.is_array()) {
            std::int64_t index = 0;
            for (const Value& item : over.items())
                pairs.emplace_back(Value(index++), item);
        } else if (over.is_object() && !is_struct(over)) {
            for (const Value::Member& member : over.members())
                pairs.emplace_back(Value(member.name), member.value);
            std::ranges::sort(pairs, {}, [](const auto& pair) { return pair.first.text(); });
        } else if (over.is_number() && over.integer() < 100000) {
            for (std::int64_t i = 0; i < over.integer(); ++i)
                pairs.emplace_back(Value(i), Value(i));
        } else if (!over.is_null()) {
            return fail(node.position, node.pipe.source,
                        fmt::format("range can't iterate over {}", go_text(over)));
        }
        if (pairs.empty()) return list(node.otherwise, dot);
        for (auto& [key, item] : pairs) {
            std::size_t mark = variables_.size();
            const std::vector<std::string>& names = node.pipe.variables;
            if (names.size() == 1) bind(node.pipe, names[0], item);
            if (names.size() == 2) {
                bind(node.pipe, names[0], key);
                bind(node.pipe, names[1], item);
            }
            TRY(Flow flow, list(node.body, item));
            variables_.resize(mark);
            if (flow == Flow::stop) break;
        }
        return Flow::on;
    }

    void bind(const Pipe& pipe, const std::string& name, Value value) {
        if (!pipe.assigns) {
            variables_.push_back({name, std::move(value)});
            return;
        }
        if (Variable* known = variable(name)) known->value = std::move(value);
    }

    Variable* variable(const std::string& name) {
        for (auto at = variables_.rbegin(); at != variables_.rend(); ++at) {
            if (at->name == name) return &*at;
        }
        return nullptr;
    }

    Result<Value> pipe(const Pipe& pipe, const Value& dot) {
        Value value;
        bool first = true;
        for (const Command& command : pipe.commands) {
            TRY(value, this->command(command, dot, first ? nullptr : &value));
            first = false;
        }
        for (const std::string& name : pipe.variables)
            bind(pipe, name, value);
        return value;
    }

    // `final`: what the previous stage of the pipeline gave, the last argument of this one.
    Result<Value> command(const Command& words, const Value& dot, const Value* final) {
        const Operand& head = words[0];
        if (head.kind == Operand::Kind::function && head.fields.empty())
            return function(words, dot, final);
        std::vector<Value> arguments;
        for (std::size_t i = 1; i < words.size(); ++i) {
            TRY(Value value, operand(words[i], dot, {}));
            arguments.push_back(std::move(value));
        }
        if (final) arguments.push_back(*final);
        return operand(head, dot, arguments);
    }

    Result<Value> function(const Command& words, const Value& dot, const Value* final) {
        const Operand& head = words[0];
        bool lazy = head.name == "and" || head.name == "or";
        std::vector<Value> arguments;
        for (std::size_t i = 1; i < words.size(); ++i) {
            TRY(Value value, operand(words[i], dot, {}));
            // The first argument that decides is the answer; the rest is not evaluated.
            if (lazy && truth(value) == (head.name == "or")) return value;
            arguments.push_back(std::move(value));
        }
        if (final) arguments.push_back(*final);
        if (lazy && !arguments.empty()) return arguments.back();
        auto answer = call(head.name, arguments, header_);
        if (answer) return answer;
        const std::string& what = answer.error().message();
        if (what.starts_with(wrong_argument) && words.size() > 1 &&
            words[1].kind == Operand::Kind::constant)
            return fail(words[1].position, words[1].source,
                        fmt::format("expected string; found {}", words[1].source));
        if (what.starts_with(wrong_argument) && words.size() > 1)
            return fail(words[1].position, words[1].source, what);
        return fail(head.position, what.starts_with("wrong number") ? head.name : source_of(words),
                    what);
    }

    static std::string source_of(const Command& words) {
        std::string out;
        for (const Operand& word : words)
            out += (out.empty() ? "" : " ") + word.source;
        return out;
    }

    Result<Value> operand(const Operand& word, const Value& dot, std::span<const Value> arguments) {
        Value value;
        switch (word.kind) {
        case Operand::Kind::dot:
        case Operand::Kind::field:
            value = dot;
            break;
        case Operand::Kind::nil:
            break;
        case Operand::Kind::constant:
            value = word.constant;
            break;
        case Operand::Kind::variable:
            if (Variable* known = variable(word.name)) value = known->value;
            break;
        case Operand::Kind::pipe: {
            TRY(value, pipe(*word.pipe, dot));
            break;
        }
        case Operand::Kind::function: {
            auto answer = call(word.name, {}, header_);
            if (!answer) return fail(word.position, word.source, answer.error().message());
            value = std::move(answer).value();
            break;
        }
        }
        bool of_any_map = false;  // Go knows nothing of the type of such a map's values
        for (std::size_t i = 0; i < word.fields.size(); ++i) {
            bool last = i + 1 == word.fields.size();
            std::span<const Value> given = last ? arguments : std::span<const Value>();
            auto next = field(value, word.fields[i], given, of_any_map);
            if (!next) return fail(word.position, word.source, next.error().message());
            of_any_map = value.is_object() && value.type().empty();
            value = std::move(next).value();
        }
        if (word.fields.empty() && !arguments.empty())
            return fail(word.position, word.source,
                        fmt::format("can't give argument to non-function {}", word.source));
        return value;
    }

    static Result<Value> field(const Value& from, const std::string& name,
                               std::span<const Value> arguments, bool of_any_map) {
        if (from.is_null() && from.type() == no_value) return from;
        if (from.is_null())
            return Error(Kind::invalid,
                         fmt::format("nil pointer evaluating {}.{}",
                                     from.type().empty() ? "interface {}" : from.type(), name));
        if (!from.is_object())
            return Error(Kind::invalid, fmt::format("can't evaluate field {} in type {}", name,
                                                    of_any_map ? "interface {}" : type_of(from)));
        const Value* found = from.find(name);
        if (!found) {
            if (from.type().empty())
                return Error(Kind::invalid, fmt::format("map has no entry for key \"{}\"", name));
            if (!is_struct(from)) return Value::nil(std::string(no_value));
            return Error(Kind::invalid,
                         fmt::format("can't evaluate field {} in type {}", name, from.type()));
        }
        if (const Value::Function* method = found->callable()) return (*method)(arguments);
        if (!arguments.empty())
            return Error(Kind::invalid, fmt::format("{} is not a method but has arguments", name));
        return *found;
    }

    const Tree& tree_;
    std::string& out_;
    bool header_;
    std::vector<Variable> variables_;
};

}  // namespace

}  // namespace gotemplate

Status Template::execute(const Value& dot, std::string& out, Mode mode) const {
    gotemplate::Runner runner(*tree_, dot, out, mode == Mode::header);
    TRY([[maybe_unused]] auto flow, runner.list(tree_->nodes, dot));
    return {};
}

}  // namespace codec
