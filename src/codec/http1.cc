#include "codec/http1.h"

#include "base/text.h"

#include <algorithm>
#include <fmt/core.h>

namespace codec::http1 {

namespace {

void append_headers(std::string& out, const Headers& headers) {
    for (const auto& [name, value] : headers) {
        out += name;
        out += ": ";
        for (char c : value)
            out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
        out += "\r\n";
    }
    out += "\r\n";
}

}  // namespace

std::string_view Headers::get(std::string_view name) const {
    for (const auto& [key, value] : lines_)
        if (base::equal_no_case(key, name)) return value;
    return {};
}

std::size_t Headers::count(std::string_view name) const {
    std::size_t count = 0;
    for (const auto& [key, value] : lines_)
        if (base::equal_no_case(key, name)) ++count;
    return count;
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : lines_)
        if (base::equal_no_case(key, name)) values.emplace_back(value);
    return values;
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
    for (const auto& [key, value] : lines_) {
        if (!base::equal_no_case(key, name)) continue;
        std::string_view rest = value;
        while (true) {
            auto comma = rest.find(',');
            if (base::equal_no_case(base::trimmed(rest.substr(0, comma)), token)) return true;
            if (comma == rest.npos) break;
            rest.remove_prefix(comma + 1);
        }
    }
    return false;
}

void Headers::set(std::string name, std::string value) {
    remove(name);
    add(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name) {
    std::erase_if(lines_, [&](const auto& line) { return base::equal_no_case(line.first, name); });
}

std::string_view reason_phrase(int status) {
    switch (status) {
    case 100:
        return "Continue";
    case 101:
        return "UPGRADED";
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 206:
        return "Partial Content";
    case 301:
        return "Moved Permanently";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 307:
        return "Temporary Redirect";
    case 308:
        return "Permanent Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 407:
        return "Proxy Authentication Required";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 411:
        return "Length Required";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Request Entity Too Large";
    case 414:
        return "Request URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 416:
        return "Requested Range Not Satisfiable";
    case 417:
        return "Expectation Failed";
    case 422:
        return "Unprocessable Entity";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    case 507:
        return "Insufficient Storage";
    default:
        return "Unknown";
    }
}

std::string write_request_head(std::string_view method, std::string_view target,
                               const Headers& headers) {
    std::string out = fmt::format("{} {} HTTP/1.1\r\n", method, target);
    append_headers(out, headers);
    return out;
}

std::string write_response_head(int status, const Headers& headers) {
    std::string out = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
    append_headers(out, headers);
    return out;
}

std::string chunk_head(std::size_t size) {
    return fmt::format("{:x}\r\n", size);
}

}  // namespace codec::http1
