#include "codec/url.h"

#include "base/limits.h"
#include "base/text.h"

#include <charconv>
#include <fmt/core.h>

namespace codec {

namespace {

bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

bool is_ipv6_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '.';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The text of an address may hold a password or a signature: errors name the problem, not the text.
Error bad_url(std::string_view why) {
    return Error(Kind::invalid, fmt::format("invalid URL: {}", why));
}

Status check_host(std::string_view host, bool bracketed) {
    if (host.empty()) return bad_url("no host in request URL");
    if (host.size() > 255) return bad_url("host name too long");
    for (char c : host)
        if (bracketed ? !is_ipv6_char(c) : !is_host_char(c))
            return bad_url("invalid character in host name");
    if (bracketed && host.find(':') == host.npos) return bad_url("invalid IPv6 address");
    return {};
}

// Bytes that a request line can carry as they stand; others are encoded, spaces and controls too.
bool is_target_char(char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' &&
           c != '`' && c != '{' && c != '|' && c != '}';
}

std::string tidy_target(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    text = text.substr(0, text.find('#'));
    std::string target;
    if (text.empty() || text.front() != '/') target = "/";
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (is_target_char(c)) {
            target += c;
        } else {
            target += '%';
            target += digits[byte >> 4];
            target += digits[byte & 15];
        }
    }
    return target;
}

// RFC 3986 5.2.4 for the path part: "/a/../b" is "/b".
std::string remove_dots(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        auto next = path.find('/', 1);
        std::string_view segment = path.substr(0, next);
        path = next == path.npos ? std::string_view() : path.substr(next);
        if (segment == "/.") {
            if (path.empty()) out += '/';
        } else if (segment == "/..") {
            auto slash = out.rfind('/');
            out.resize(slash == out.npos ? 0 : slash);
            if (path.empty()) out += '/';
        } else {
            out += segment;
        }
    }
    return out.empty() ? "/" : out;
}

std::string tidy_path_and_query(std::string_view text) {
    std::string target = tidy_target(text);
    auto question = target.find('?');
    std::string path = remove_dots(std::string_view(target).substr(0, question));
    if (question != target.npos) path += target.substr(question);
    return path;
}

}  // namespace

Result<std::pair<std::string, std::uint16_t>> parse_host_port(std::string_view text,
                                                              std::uint16_t port) {
    std::string_view host = text;
    std::string_view digits;
    bool bracketed = text.starts_with('[');
    bool has_port = false;
    if (bracketed) {
        auto close = text.find(']');
        if (close == text.npos) return bad_url("missing ']' in host");
        host = text.substr(1, close - 1);
        std::string_view rest = text.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') return bad_url("invalid port after host");
        has_port = !rest.empty();
        if (has_port) digits = rest.substr(1);
    } else if (auto colon = text.find(':'); colon != text.npos) {
        host = text.substr(0, colon);
        digits = text.substr(colon + 1);
        has_port = true;
    }
    TRY_DO(check_host(host, bracketed));
    if (has_port && !digits.empty()) {
        unsigned value = 0;
        auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (error != std::errc() || end != digits.data() + digits.size() || value == 0 ||
            value > 65535)
            return bad_url("invalid port after host");
        port = static_cast<std::uint16_t>(value);
    }
    return std::pair(base::lowered(host), port);
}

Result<Url> parse_url(std::string_view text) {
    if (text.size() > limits::url_bytes_max) return bad_url("too long");
    for (char c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
            return bad_url("invalid control character in URL");
    auto colon = text.find("://");
    if (colon == text.npos) return bad_url("missing protocol scheme");
    Url url;
    url.scheme = base::lowered(text.substr(0, colon));
    if (url.scheme != "http" && url.scheme != "https")
        return Error(Kind::invalid, "unsupported protocol scheme");
    text.remove_prefix(colon + 3);

    auto end = text.find_first_of("/?#");
    std::string_view authority = text.substr(0, end);
    if (authority.find('\\') != authority.npos) return bad_url("invalid character in host name");
    if (auto at = authority.rfind('@'); at != authority.npos) {
        std::string_view userinfo = authority.substr(0, at);
        authority.remove_prefix(at + 1);
        auto split = userinfo.find(':');
        auto user = percent_decode(userinfo.substr(0, split));
        auto password = percent_decode(split == userinfo.npos ? std::string_view()
                                                              : userinfo.substr(split + 1));
        if (!user || !password) return bad_url("invalid userinfo");
        url.user = std::move(*user);
        url.password = std::move(*password);
    }
    TRY(auto place, parse_host_port(authority, url.https() ? 443 : 80));
    url.host = std::move(place.first);
    url.port = place.second;
    url.target = end == text.npos ? "/" : tidy_target(text.substr(end));
    return url;
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
    if (reference.empty()) return bad_url("empty Location");
    if (reference.size() > limits::url_bytes_max) return bad_url("too long");
    for (char c : reference)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
            return bad_url("invalid control character in URL");
    if (reference.starts_with("//")) return parse_url(fmt::format("{}:{}", base.scheme, reference));
    auto colon = reference.find(':');
    if (colon != reference.npos && colon < reference.find_first_of("/?#"))
        return parse_url(reference);

    Url url = base;
    url.user.clear();
    url.password.clear();
    std::string_view path = base.target;
    path = path.substr(0, path.find('?'));
    if (reference.front() == '/') {
        url.target = tidy_path_and_query(reference);
    } else if (reference.front() == '?') {
        url.target = tidy_path_and_query(fmt::format("{}{}", path, reference));
    } else if (reference.front() != '#') {
        path = path.substr(0, path.rfind('/') + 1);
        url.target = tidy_path_and_query(fmt::format("{}{}", path, reference));
    }
    return url;
}

std::string Url::host_header() const {
    if (!has_default_port()) return authority();
    return host.find(':') == host.npos ? host : fmt::format("[{}]", host);
}

std::string Url::authority() const {
    return host.find(':') == host.npos ? fmt::format("{}:{}", host, port)
                                       : fmt::format("[{}]:{}", host, port);
}

std::string Url::printable() const {
    return fmt::format("{}://{}{}", scheme, host_header(), target.substr(0, target.find('?')));
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            result += ' ';
        } else if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            int high = hex_digit(text[i + 1]);
            int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            result += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::string percent_encode(std::string_view text, bool keep_slashes) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string result;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slashes);
        if (plain) {
            result += c;
        } else {
            auto byte = static_cast<unsigned char>(c);
            result += '%';
            result += digits[byte >> 4];
            result += digits[byte & 15];
        }
    }
    return result;
}

Query Query::parse(std::string_view text) {
    Query query;
    while (!text.empty()) {
        auto end = text.find('&');
        std::string_view pair = text.substr(0, end);
        text = end == text.npos ? std::string_view() : text.substr(end + 1);
        if (pair.empty() || pair.find(';') != pair.npos) continue;
        auto equals = pair.find('=');
        auto name = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(
            equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true);
        if (name && value) query.add(std::move(*name), std::move(*value));
    }
    return query;
}

Query Query::joined(Query first, const Query& second) {
    first.pairs_.insert(first.pairs_.end(), second.pairs_.begin(), second.pairs_.end());
    return first;
}

const std::string* Query::find(std::string_view name) const {
    for (const auto& [key, value] : pairs_)
        if (key == name) return &value;
    return nullptr;
}

std::string Query::text_or(std::string_view name, std::string_view otherwise) const {
    const std::string* value = find(name);
    return value ? *value : std::string(otherwise);
}

std::vector<std::string> Query::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : pairs_)
        if (key == name) values.push_back(value);
    return values;
}

bool Query::flag(std::string_view name, bool when_absent) const {
    const std::string* value = find(name);
    if (value == nullptr) return when_absent;
    std::string word = base::lowered(*value);
    auto begin = word.find_first_not_of(" \t\r\n");
    if (begin == word.npos) return false;
    word = word.substr(begin, word.find_last_not_of(" \t\r\n") + 1 - begin);
    return word != "0" && word != "no" && word != "false" && word != "none";
}

Result<std::int64_t> Query::number_or(std::string_view name, std::int64_t otherwise) const {
    const std::string* value = find(name);
    if (value == nullptr || value->empty()) return otherwise;
    std::string_view digits = *value;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc::result_out_of_range)
        return Error(Kind::invalid,
                     fmt::format("strconv.Atoi: parsing \"{}\": value out of range", *value));
    if (error != std::errc() || end != digits.data() + digits.size() || value->starts_with("+-"))
        return Error(Kind::invalid,
                     fmt::format("strconv.Atoi: parsing \"{}\": invalid syntax", *value));
    return number;
}

std::string Query::encode() const {
    std::string text;
    for (const auto& [name, value] : pairs_) {
        if (!text.empty()) text += '&';
        text += percent_encode(name);
        text += '=';
        text += percent_encode(value);
    }
    return text;
}

std::string mask_credentials(std::string url) {
    std::size_t scheme = url.find("://");
    std::size_t begin = scheme == url.npos ? 0 : scheme + 3;
    std::size_t at = url.rfind('@', url.find('/', begin));
    if (at == url.npos || at < begin) return url;
    return url.replace(begin, at - begin, "xxxxx:xxxxx");
}

}  // namespace codec
