#include "codec/detach_keys.h"

#include "base/limits.h"

#include <fmt/core.h>

namespace codec {

namespace {

// The byte of one key: itself, or ctrl- and a letter or one of @ [ \ ] ^ _ ; -1 for anything else.
int key_byte(std::string_view key) {
    if (key.size() == 1) return static_cast<unsigned char>(key[0]) < 0x80 ? key[0] : -1;
    if (!key.starts_with("ctrl-") || key.size() != 6) return -1;
    char c = key[5];
    if (c >= 'a' && c <= 'z') return c - 'a' + 1;
    switch (c) {
    case '@':
        return 0;
    case '[':
        return 27;
    case '\\':
        return 28;
    case ']':
        return 29;
    case '^':
        return 30;
    case '_':
        return 31;
    default:
        return -1;
    }
}

}  // namespace

Result<std::string> parse_detach_keys(std::string_view text) {
    if (text.empty()) return std::string(default_detach_keys);
    std::string keys;
    while (true) {
        std::size_t comma = text.find(',');
        std::string_view key = text.substr(0, comma);
        int byte = key_byte(key);
        if (byte < 0) {
            return Error(Kind::invalid, fmt::format("Invalid detach keys (Unknown character: '{}')",
                                                    std::string(key.substr(0, 64))));
        }
        if (keys.size() == limits::detach_keys_max)
            return Error(Kind::invalid, fmt::format("Invalid detach keys (more than {} keys)",
                                                    limits::detach_keys_max));
        keys += static_cast<char>(byte);
        if (comma == std::string_view::npos) return keys;
        text.remove_prefix(comma + 1);
    }
}

DetachScanner::Scan DetachScanner::scan(std::string_view bytes) {
    Scan result;
    for (char byte : bytes) {
        // After a mismatch the longest tail of what was seen may still begin the sequence
        // ("aab" in "aaab"), so shorter matches are tried before the byte is let through.
        while (matched_ > 0 && byte != keys_[matched_]) {
            std::size_t keep = matched_ - 1;
            while (keep > 0 && keys_.compare(0, keep, keys_, matched_ - keep, keep) != 0)
                --keep;
            result.pass.append(keys_, 0, matched_ - keep);
            matched_ = keep;
        }
        if (keys_.empty() || byte != keys_[matched_]) {
            result.pass += byte;
            continue;
        }
        if (++matched_ == keys_.size()) {
            matched_ = 0;
            result.detached = true;
            return result;
        }
    }
    return result;
}

std::string DetachScanner::release() {
    std::string held = keys_.substr(0, matched_);
    matched_ = 0;
    return held;
}

}  // namespace codec
