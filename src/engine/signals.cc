#include "engine/signals.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fmt/core.h>
#include <string>

namespace engine {

namespace {

bool number_of(std::string_view text, int& out) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
    Error wrong(Kind::invalid, fmt::format("invalid signal: {}", text));
    constexpr int last = 64;
    int number = 0;
    if (number_of(text, number)) {
        if (number < 1 || number > last) return wrong;
        return number;
    }
    std::string name = base::uppered(text);
    std::string_view rest = name;
    if (rest.starts_with("SIG")) rest.remove_prefix(3);
    for (int candidate = 1; candidate < 32; ++candidate) {
        const char* known = sigabbrev_np(candidate);
        if (known != nullptr && rest == known) return candidate;
    }
    if (rest == "CLD") return SIGCHLD;
    if (rest == "IOT") return SIGABRT;
    // The kernel's numbers, as Docker has them: libc keeps two of them to itself.
    constexpr int first = 34;
    if (rest == "RTMIN") return first;
    if (rest == "RTMAX") return last;
    int offset = 0;
    if (rest.starts_with("RTMIN+") && number_of(rest.substr(6), offset) && offset > 0 &&
        offset <= last - first)
        return first + offset;
    if (rest.starts_with("RTMAX-") && number_of(rest.substr(6), offset) && offset > 0 &&
        offset <= last - first)
        return last - offset;
    return wrong;
}

}  // namespace engine
