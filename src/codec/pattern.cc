#include "codec/pattern.h"

#include <fmt/core.h>
#include <re2/re2.h>

namespace codec {

namespace {

constexpr std::size_t expression_bytes_max = 4096;
constexpr std::int64_t memory_bytes_max = 1 << 20;

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

RE2::Options options() {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(memory_bytes_max);
    return options;
}

}  // namespace

struct Pattern::Compiled {
    explicit Compiled(std::string_view expression) : regex(piece(expression), options()) {}
    RE2 regex;
};

Pattern::Pattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view expression) {
    if (expression.size() > expression_bytes_max)
        return Error(Kind::invalid, "regular expression is too long");
    auto compiled = std::make_unique<Compiled>(expression);
    if (!compiled->regex.ok())
        return Error(Kind::invalid,
                     fmt::format("error parsing regexp: {}", compiled->regex.error()));
    return Pattern(std::move(compiled));
}

bool Pattern::found_in(std::string_view text) const {
    return RE2::PartialMatch(piece(text), compiled_->regex);
}

}  // namespace codec
