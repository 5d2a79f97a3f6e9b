#include "cli/run_checks.h"

#include "cli/run_parts.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/format.h>

namespace cli {

namespace {

Error bad(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Letters, digits and dashes, a dash neither first nor last.
bool is_domain_part(std::string_view part) {
    if (part.empty() || part.front() == '-' || part.back() == '-') return false;
    return std::ranges::all_of(part,
                               [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

// "1", "*".
bool is_device_number(std::string_view text) {
    return text == "*" || (!text.empty() && std::ranges::all_of(text, is_digit));
}

Status check_weight_or_rate(const std::string& text, bool bytes) {
    auto parsed = throttle_of({text}, bytes);
    if (!parsed) return std::move(parsed).error();
    return {};
}

}  // namespace

bool is_address(const std::string& text) {
    in6_addr address{};
    return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

Result<std::uint64_t> parse_unsigned(std::string_view text, std::uint64_t most) {
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool digits = !text.empty() && std::ranges::all_of(text, is_digit);
    if (!digits) return bad(fmt::format("strconv.ParseUint: parsing \"{}\": invalid syntax", text));
    if (error != std::errc() || value > most)
        return bad(fmt::format("strconv.ParseUint: parsing \"{}\": value out of range", text));
    return value;
}

Status check_env(const std::string& text) {
    if (text.empty() || text[0] == '=')
        return bad(fmt::format("invalid environment variable: {}", text));
    return {};
}

Status check_label(const std::string& text) {
    constexpr std::string_view blanks = " \t\n\r\v\f";
    std::string name = text.substr(0, text.find('='));
    name.erase(0, std::min(name.find_first_not_of(blanks), name.size()));
    if (name.empty()) return bad(fmt::format("invalid label '{}': empty name", text));
    if (name.find_first_of(blanks) != name.npos)
        return bad(fmt::format("label '{}' contains whitespaces", name));
    return {};
}

Status check_add_host(const std::string& text) {
    std::size_t mark = text.find('=');
    if (mark == text.npos) mark = text.find(':');
    if (mark == text.npos || mark == 0)
        return bad(fmt::format("bad format for add-host: \"{}\"", text));
    std::string address = text.substr(mark + 1);
    if (address == "host-gateway") return {};
    std::string bare = address;
    if (bare.size() > 2 && bare.starts_with('[') && bare.ends_with(']'))
        bare = bare.substr(1, bare.size() - 2);
    if (!is_address(bare))
        return bad(fmt::format("invalid IP address in add-host: \"{}\"", address));
    return {};
}

Status check_dns(const std::string& text) {
    if (!is_address(text))
        return bad(fmt::format("IP address is not correctly formatted: {}", text));
    return {};
}

Status check_dns_search(const std::string& text) {
    constexpr std::size_t domain_bytes_max = 255;
    if (text == ".") return {};
    std::string domain = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
    Arguments parts = split(domain, '.');
    if (text.size() >= domain_bytes_max || std::ranges::none_of(text, is_letter) ||
        !std::ranges::all_of(parts, is_domain_part))
        return bad(fmt::format("{} is not a valid domain", text));
    return {};
}

Status check_sysctl(const std::string& text) {
    static constexpr std::string_view ipc[] = {
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
        "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
    std::size_t equals = text.find('=');
    std::string key = text.substr(0, equals);
    bool known = std::ranges::find(ipc, key) != std::end(ipc) || key.starts_with("net.") ||
                 key.starts_with("fs.mqueue.");
    if (equals == text.npos || !known) return bad(fmt::format("sysctl '{}' is not allowed", text));
    return {};
}

Status check_mount(const std::string& text) {
    auto parsed = mount_of(text);
    if (!parsed) return std::move(parsed).error();
    return {};
}

Status check_network(const std::string& text) {
    std::string name;
    auto parsed = endpoint_of(text, name);
    if (!parsed) return std::move(parsed).error();
    return {};
}

Status check_ulimit(const std::string& text) {
    auto parsed = ulimit_of(text);
    if (!parsed) return std::move(parsed).error();
    return {};
}

// "c 1:3 rwm".
Status check_device_rule(const std::string& text) {
    Arguments words = split(text, ' ');
    bool ok = words.size() == 3 && (words[0] == "a" || words[0] == "b" || words[0] == "c");
    if (ok) {
        Arguments numbers = split(words[1], ':');
        const std::string& access = words[2];
        ok = numbers.size() == 2 && std::ranges::all_of(numbers, is_device_number) &&
             !access.empty() && access.size() <= 3 &&
             access.find_first_not_of("rwm") == access.npos;
    }
    if (!ok) return bad(fmt::format("invalid device cgroup format '{}'", text));
    return {};
}

Status check_device_weight(const std::string& text) {
    constexpr std::int64_t least = 10, most = 1000;
    std::size_t colon = text.find(':');
    if (colon == text.npos) return bad(fmt::format("bad format: {}", text));
    if (!text.starts_with("/dev/")) return bad(fmt::format("bad format for device path: {}", text));
    auto weight = parse_unsigned(std::string_view(text).substr(colon + 1), most);
    if (!weight || (*weight > 0 && *weight < least))
        return bad(fmt::format("invalid weight for device: {}", text));
    return {};
}

Status check_device_bytes(const std::string& text) {
    return check_weight_or_rate(text, true);
}

Status check_device_operations(const std::string& text) {
    return check_weight_or_rate(text, false);
}

Status check_gpus(const std::string& text) {
    auto parsed = gpus_of(text);
    if (!parsed) return std::move(parsed).error();
    return {};
}

Result<std::int64_t> nano_cpus(const std::string& text) {
    constexpr std::size_t precision = 9;
    auto wrong = [&] { return bad(fmt::format("failed to parse {} as a rational number", text)); };
    std::string_view rest = text;
    bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    std::size_t point = rest.find('.');
    std::string whole_part(rest.substr(0, point));
    std::string fraction(point == rest.npos ? std::string_view() : rest.substr(point + 1));
    std::string digits = whole_part + fraction;
    if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return wrong();
    while (fraction.ends_with('0'))
        fraction.pop_back();
    if (fraction.size() > precision) return bad("value is too precise");
    fraction.resize(precision, '0');
    digits = whole_part + fraction;
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc()) return wrong();
    return negative ? -value : value;
}

}  // namespace cli
