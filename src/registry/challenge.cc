#include "registry/challenge.h"

#include "base/text.h"

#include <algorithm>
#include <optional>

namespace registry {
namespace {

bool is_token_char(char c) {
    static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool at_end() const { return at_ == text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    std::size_t mark() const { return at_; }
    void back_to(std::size_t mark) { at_ = mark; }

    bool skip_spaces() {
        std::size_t begin = at_;
        while (peek() == ' ' || peek() == '\t')
            ++at_;
        return at_ != begin;
    }
    // Empty list elements are allowed: "a, , b".
    void skip_separators() {
        while (peek() == ' ' || peek() == '\t' || peek() == ',')
            ++at_;
    }
    bool accept(char c) {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    std::string_view token() {
        std::size_t begin = at_;
        while (!at_end() && is_token_char(text_[at_]))
            ++at_;
        return text_.substr(begin, at_ - begin);
    }
    // A quoted string, or bare characters up to a comma or space: registries send realm=https://...
    std::optional<std::string> value() {
        if (!accept('"')) {
            std::size_t begin = at_;
            while (!at_end() && text_[at_] != ',' && text_[at_] != ' ' && text_[at_] != '\t' &&
                   text_[at_] != '"' && static_cast<unsigned char>(text_[at_]) > 0x20)
                ++at_;
            if (at_ == begin) return std::nullopt;
            return std::string(text_.substr(begin, at_ - begin));
        }
        std::string out;
        while (!at_end()) {
            char c = text_[at_++];
            if (c == '"') return out;
            if (c == '\\') {
                if (at_end()) return std::nullopt;
                c = text_[at_++];
            }
            // No control character may travel on into a URL or an error text.
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
            out += c;
        }
        return std::nullopt;
    }
    // token68 ("Negotiate YII=="): consumed only if it fills the list element.
    bool token68() {
        std::size_t begin = at_;
        auto is68 = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   std::string_view("-._~+/").find(c) != std::string_view::npos;
        };
        while (!at_end() && is68(text_[at_]))
            ++at_;
        bool some = at_ != begin;
        while (peek() == '=')
            ++at_;
        skip_spaces();
        if (some && (at_end() || peek() == ',')) return true;
        at_ = begin;
        return false;
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

enum class Read { got, none, broken };

// `name = value` at the reader; none (and nothing consumed) when what follows is a new challenge.
Read read_parameter(Reader& reader, Challenge& challenge) {
    std::size_t begin = reader.mark();
    std::string_view name = reader.token();
    if (name.empty()) return reader.at_end() ? Read::none : Read::broken;
    reader.skip_spaces();
    if (!reader.accept('=')) {
        reader.back_to(begin);
        return Read::none;
    }
    reader.skip_spaces();
    std::optional<std::string> value = reader.value();
    if (!value || challenge.parameters.size() == challenge_parameters_max) return Read::broken;
    challenge.parameters.emplace_back(base::lowered(name), std::move(*value));
    reader.skip_spaces();
    return reader.at_end() || reader.peek() == ',' ? Read::got : Read::broken;
}

}  // namespace

std::string_view Challenge::parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters)
        if (key == name) return value;
    return {};
}

std::vector<Challenge> parse_challenges(std::string_view header) {
    std::vector<Challenge> all;
    if (header.size() > challenge_bytes_max) return all;
    Reader reader(header);
    while (all.size() < challenges_max) {
        reader.skip_separators();
        std::string_view scheme = reader.token();
        if (scheme.empty()) return all;
        Challenge challenge{.scheme = base::lowered(scheme), .parameters = {}};
        bool spaced = reader.skip_spaces();
        if (!reader.at_end() && reader.peek() != ',') {
            if (!spaced) return all;
            if (!reader.token68()) {
                Read read = read_parameter(reader, challenge);
                if (read != Read::got) return all;
            }
        }
        while (true) {
            reader.skip_separators();
            Read read = read_parameter(reader, challenge);
            if (read == Read::broken) return all;
            if (read == Read::none) break;
        }
        all.push_back(std::move(challenge));
    }
    return all;
}

const Challenge* find_challenge(const std::vector<Challenge>& all, std::string_view scheme) {
    auto found = std::ranges::find_if(all, [&](const Challenge& c) { return c.scheme == scheme; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace registry
