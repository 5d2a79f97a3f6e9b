// Text to tree. Cuts the text at {{ and }}, then reads each action with a small scanner.
#include "codec/gotemplate.h"
#include "codec/gotemplate_tree.h"

#include <cctype>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>

namespace codec {

namespace gotemplate {

namespace {

constexpr std::size_t depth_max = 100;
constexpr std::string_view spaces = " \t\r\n";

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

class Parser {
public:
    Parser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

    Result<Tree> parse() {
        Tree tree;
        tree.source = std::string(text_);
        TRY(End end, list(tree.nodes, 0));
        if (end != End::text) return fail(fmt::format("unexpected {{{{{}}}}}", name_of(end)));
        return tree;
    }

private:
    // What closed a list of nodes.
    enum class End { text, end, otherwise };

    static std::string_view name_of(End end) { return end == End::end ? "end" : "else"; }

    Error fail(std::string_view what) const {
        std::size_t line = 1;
        for (char c : text_.substr(0, std::min(at_, text_.size())))
            line += c == '\n';
        return Error(Kind::invalid, fmt::format("template: {}:{}: {}", name_, line, what));
    }

    // --- between actions

    Result<End> list(std::vector<Node>& nodes, std::size_t depth) {
        if (depth > depth_max) return fail("too deeply nested");
        while (at_ < text_.size()) {
            std::size_t open = text_.find("{{", at_);
            std::string text(text_.substr(at_, open - at_));
            bool trims_before = open != text_.npos && starts_trim(open + 2);
            if (trims_before) text.erase(text.find_last_not_of(spaces) + 1);
            if (!text.empty()) nodes.push_back(Node{.text = std::move(text)});
            if (open == text_.npos) {
                at_ = text_.size();
                break;
            }
            at_ = open + (trims_before ? 3 : 2);
            TRY(bool was_comment, comment());
            if (was_comment) continue;
            TRY(std::optional<End> end, action(nodes, depth));
            if (end) return *end;
        }
        return End::text;
    }

    // "{{- ": the minus counts only with a space behind it ({{-3}} is a number).
    bool starts_trim(std::size_t at) const {
        return at + 1 < text_.size() && text_[at] == '-' && spaces.contains(text_[at + 1]);
    }

    Result<bool> comment() {
        std::size_t begin = text_.find_first_not_of(spaces, at_);
        if (begin == text_.npos || !text_.substr(begin).starts_with("/*")) return false;
        std::size_t end = text_.find("*/", begin);
        if (end == text_.npos) return fail("unclosed comment");
        at_ = end + 2;
        skip_spaces();
        TRY_DO(close());
        return true;
    }

    void skip_spaces() {
        while (at_ < text_.size() && spaces.contains(text_[at_]))
            ++at_;
    }

    bool at_close() {
        skip_spaces();
        std::string_view rest = text_.substr(at_);
        return rest.starts_with("}}") || rest.starts_with("-}}");
    }

    Status close() {
        if (!at_close()) return fail(at_ >= text_.size() ? "unclosed action" : unexpected());
        bool trims = text_[at_] == '-';
        at_ += trims ? 3 : 2;
        if (trims) skip_spaces();
        return {};
    }

    std::string unexpected() const {
        return fmt::format("unexpected \"{}\" in command", text_.substr(at_, 1));
    }

    // --- one action; set if it closes the list it stands in

    std::string_view peek_word() {
        skip_spaces();
        std::size_t end = at_;
        while (end < text_.size() && is_word(text_[end]))
            ++end;
        return text_.substr(at_, end - at_);
    }

    Result<std::optional<End>> action(std::vector<Node>& nodes, std::size_t depth) {
        Node node{.position = at_};
        std::string_view word = peek_word();
        std::optional<End> none;
        if (word == "end" || word == "else") {
            at_ += word.size();
            if (word == "end") {
                TRY_DO(close());
                return std::optional(End::end);
            }
            // `else if` stays open: the caller reads the rest.
            skip_spaces();
            std::string_view next = peek_word();
            if (next != "if" && next != "with") TRY_DO(close());
            return std::optional(End::otherwise);
        }
        if (word == "if" || word == "with" || word == "range") {
            TRY_DO(branch(node, depth));
            nodes.push_back(std::move(node));
            return none;
        }
        if (word == "break" || word == "continue") {
            at_ += word.size();
            node.kind = word == "break" ? Node::Kind::stop : Node::Kind::skip;
            if (ranges_ == 0) return fail(fmt::format("{{{{{}}}}} outside {{{{range}}}}", word));
            TRY_DO(close());
            nodes.push_back(std::move(node));
            return none;
        }
        if (word == "define" || word == "template" || word == "block")
            return fail(fmt::format("{{{{{}}}}} is not supported", word));
        node.kind = Node::Kind::action;
        TRY(node.pipe, pipe(depth));
        TRY_DO(close());
        nodes.push_back(std::move(node));
        return none;
    }

    Status branch(Node& node, std::size_t depth) {
        std::string_view word = peek_word();
        node.kind = word == "if"     ? Node::Kind::branch_if
                    : word == "with" ? Node::Kind::branch_with
                                     : Node::Kind::branch_range;
        at_ += word.size();
        std::size_t known = variables_.size();
        TRY(node.pipe, pipe(depth));
        TRY_DO(close());
        ranges_ += node.kind == Node::Kind::branch_range;
        TRY(End end, list(node.body, depth + 1));
        ranges_ -= node.kind == Node::Kind::branch_range;
        if (end == End::otherwise) {
            std::string_view next = at_open_else();
            if (!next.empty()) {
                // {{else if x}} is {{else}}{{if x}} with one shared {{end}}.
                Node inner{.position = at_};
                TRY_DO(branch(inner, depth + 1));
                node.otherwise.push_back(std::move(inner));
                variables_.resize(known);
                return {};
            }
            TRY(end, list(node.otherwise, depth + 1));
        }
        variables_.resize(known);
        if (end != End::end)
            return fail(end == End::text ? "unexpected EOF" : "expected end; found {{else}}");
        return {};
    }

    // After End::otherwise: "if" or "with" when the action is still open at that word.
    std::string_view at_open_else() {
        std::string_view before = text_.substr(0, at_);
        std::size_t open = before.rfind("{{");
        std::size_t shut = before.rfind("}}");
        if (open == before.npos || (shut != before.npos && shut > open)) return {};
        return peek_word();
    }

    // --- pipelines

    Result<Pipe> pipe(std::size_t depth) {
        if (depth > depth_max) return fail("too deeply nested");
        Pipe pipe;
        skip_spaces();
        std::size_t begin = at_;
        TRY_DO(declarations(pipe));
        for (;;) {
            TRY(Command words, command(depth));
            if (words.empty()) {
                if (at_ >= text_.size()) return fail("unclosed action");
                return fail(pipe.commands.empty() ? "missing value for command"
                                                  : "missing value for command");
            }
            if (!pipe.commands.empty() && words[0].kind != Operand::Kind::function &&
                words[0].fields.empty())
                return fail(fmt::format("non executable command in pipeline stage {}",
                                        pipe.commands.size() + 1));
            pipe.commands.push_back(std::move(words));
            skip_spaces();
            if (at_ < text_.size() && text_[at_] == '|') {
                ++at_;
                continue;
            }
            break;
        }
        std::string_view source = text_.substr(begin, at_ - begin);
        while (!source.empty() && spaces.contains(source.back()))
            source.remove_suffix(1);
        pipe.source = std::string(source);
        if (!pipe.assigns) {
            for (const std::string& name : pipe.variables)
                variables_.push_back(name);
        }
        return pipe;
    }

    // Reads `$a :=`, `$a, $b :=` or `$a =`; leaves the scanner where it was if there is none.
    Status declarations(Pipe& pipe) {
        std::size_t begin = at_;
        std::vector<std::string> names;
        for (;;) {
            skip_spaces();
            if (at_ >= text_.size() || text_[at_] != '$') break;
            std::size_t end = at_ + 1;
            while (end < text_.size() && is_word(text_[end]))
                ++end;
            names.emplace_back(text_.substr(at_, end - at_));
            at_ = end;
            skip_spaces();
            if (at_ < text_.size() && text_[at_] == ',' && names.size() < 2) {
                ++at_;
                continue;
            }
            std::string_view rest = text_.substr(at_);
            if (rest.starts_with(":=")) {
                at_ += 2;
                pipe.variables = std::move(names);
                return {};
            }
            if (rest.starts_with("=")) {
                at_ += 1;
                for (const std::string& name : names) {
                    if (!knows(name)) return fail(fmt::format("undefined variable \"{}\"", name));
                }
                pipe.variables = std::move(names);
                pipe.assigns = true;
                return {};
            }
            break;
        }
        at_ = begin;
        return {};
    }

    bool knows(const std::string& name) const {
        if (name == "$") return true;
        for (const std::string& known : variables_) {
            if (known == name) return true;
        }
        return false;
    }

    Result<Command> command(std::size_t depth) {
        Command words;
        for (;;) {
            skip_spaces();
            if (at_ >= text_.size()) return fail("unclosed action");
            if (at_close() || text_[at_] == '|' || text_[at_] == ')') return words;
            TRY(Operand word, operand(depth));
            words.push_back(std::move(word));
            // Two words need a space between them: `"a"b` is not two words.
            if (at_ < text_.size() && !spaces.contains(text_[at_]) && text_[at_] != '|' &&
                text_[at_] != ')' && !at_close())
                return fail(fmt::format("unexpected \"{}\" in operand", text_.substr(at_, 1)));
        }
    }

    Result<Operand> operand(std::size_t depth) {
        Operand out;
        out.position = at_;
        std::size_t begin = at_;
        char c = text_[at_];
        if (c == '(') {
            ++at_;
            TRY(Pipe inner, pipe(depth + 1));
            skip_spaces();
            if (at_ >= text_.size() || text_[at_] != ')') return fail("unclosed left paren");
            ++at_;
            out.kind = Operand::Kind::pipe;
            out.pipe = std::make_shared<const Pipe>(std::move(inner));
        } else if (c == '"' || c == '`' || c == '\'') {
            TRY(out.constant, quoted(c));
            out.kind = Operand::Kind::constant;
        } else if (std::isdigit(static_cast<unsigned char>(c)) ||
                   ((c == '-' || c == '+') && at_ + 1 < text_.size() &&
                    std::isdigit(static_cast<unsigned char>(text_[at_ + 1])))) {
            TRY(out.constant, number());
            out.kind = Operand::Kind::constant;
        } else if (c == '$') {
            ++at_;
            out.name = "$" + std::string(take_word());
            out.kind = Operand::Kind::variable;
            if (!knows(out.name)) return fail(fmt::format("undefined variable \"{}\"", out.name));
        } else if (c == '.') {
            bool field = at_ + 1 < text_.size() && is_word(text_[at_ + 1]);
            out.kind = field ? Operand::Kind::field : Operand::Kind::dot;
            if (!field) ++at_;
        } else if (is_word(c)) {
            TRY_DO(word_operand(out));
        } else {
            return fail(fmt::format("unexpected {} in command", printable(c)));
        }
        TRY_DO(fields(out));
        out.source = std::string(text_.substr(begin, at_ - begin));
        return out;
    }

    static std::string printable(char c) { return fmt::format("\"{}\"", c); }

    Status word_operand(Operand& out) {
        std::string word(take_word());
        if (word == "true" || word == "false") {
            out.kind = Operand::Kind::constant;
            out.constant = Value(word == "true");
        } else if (word == "nil") {
            out.kind = Operand::Kind::nil;
        } else {
            if (!is_function(word)) return fail(fmt::format("function \"{}\" not defined", word));
            out.kind = Operand::Kind::function;
            out.name = std::move(word);
        }
        return {};
    }

    std::string_view take_word() {
        std::size_t begin = at_;
        while (at_ < text_.size() && is_word(text_[at_]))
            ++at_;
        return text_.substr(begin, at_ - begin);
    }

    Status fields(Operand& out) {
        while (at_ + 1 < text_.size() && text_[at_] == '.' && is_word(text_[at_ + 1])) {
            if (out.kind == Operand::Kind::constant || out.kind == Operand::Kind::nil)
                return fail("unexpected . after term");
            // Go tells the place of the second field of .A.B.C, of the first of $x.A.B.
            bool second = out.kind == Operand::Kind::field && out.fields.size() == 1;
            if (second || (out.kind != Operand::Kind::field && out.fields.empty()))
                out.position = at_;
            ++at_;
            out.fields.emplace_back(take_word());
        }
        return {};
    }

    Result<Value> number() {
        std::size_t begin = at_;
        ++at_;
        while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.' ||
                                      ((text_[at_] == '-' || text_[at_] == '+') &&
                                       (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))))
            ++at_;
        std::string word(text_.substr(begin, at_ - begin));
        char* end = nullptr;
        long long whole = std::strtoll(word.c_str(), &end, 0);
        if (*end == 0) return Value(static_cast<std::int64_t>(whole));
        std::strtod(word.c_str(), &end);
        if (*end != 0) return fail(fmt::format("bad number syntax: \"{}\"", word));
        return Value::number(word);
    }

    Result<Value> quoted(char mark) {
        std::string out;
        for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
            char c = text_[i];
            if (c == mark) {
                at_ = i + 1;
                if (mark != '\'') return Value(std::move(out));
                if (out.size() != 1) return fail("malformed character constant");
                return Value(std::int64_t(static_cast<unsigned char>(out[0])));
            }
            if (c == '\n' && mark != '`') break;
            if (c != '\\' || mark == '`') {
                out += c;
                continue;
            }
            if (++i >= text_.size()) break;
            TRY_DO(escape(i, out));
        }
        return fail(mark == '`'   ? "unterminated raw quoted string"
                    : mark == '"' ? "unterminated quoted string"
                                  : "unterminated character constant");
    }

    // The escape whose letter is at `i`; moves `i` to its last byte.
    Status escape(std::size_t& i, std::string& out) const {
        static constexpr std::string_view letters = "abfnrtv\\'\"";
        static constexpr std::string_view meant = "\a\b\f\n\r\t\v\\'\"";
        char c = text_[i];
        if (std::size_t k = letters.find(c); k != letters.npos) {
            out += meant[k];
            return {};
        }
        std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        std::string hex(text_.substr(i + 1, digits));
        char* end = nullptr;
        unsigned long code = std::strtoul(hex.c_str(), &end, 16);
        if (digits == 0 || hex.size() != digits || *end != 0) return fail("invalid syntax");
        if (c == 'x') {
            out += static_cast<char>(code);
        } else {
            append_utf8(out, code);
        }
        i += digits;
        return {};
    }

    static void append_utf8(std::string& out, unsigned long code) {
        if (code > 0x10ffff) code = 0xfffd;
        if (code < 0x80) {
            out += static_cast<char>(code);
        } else if (code < 0x800) {
            out += static_cast<char>(0xc0 | (code >> 6));
            out += static_cast<char>(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            out += static_cast<char>(0xe0 | (code >> 12));
            out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
            out += static_cast<char>(0x80 | (code & 0x3f));
        } else {
            out += static_cast<char>(0xf0 | (code >> 18));
            out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
            out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
            out += static_cast<char>(0x80 | (code & 0x3f));
        }
    }

    std::string_view text_;
    std::string_view name_;
    std::size_t at_ = 0;
    std::size_t ranges_ = 0;
    std::vector<std::string> variables_;
};

}  // namespace

}  // namespace gotemplate

Result<Template> Template::parse(std::string_view text, std::string_view name) {
    TRY(gotemplate::Tree tree, gotemplate::Parser(text, name).parse());
    tree.name = std::string(name);
    return Template(std::make_unique<gotemplate::Tree>(std::move(tree)));
}

Template::Template(std::unique_ptr<gotemplate::Tree> tree) : tree_(std::move(tree)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

}  // namespace codec
