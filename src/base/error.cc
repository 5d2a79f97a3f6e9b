#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace base {

std::string_view kind_name(Kind kind) {
    switch (kind) {
    case Kind::invalid: return "invalid";
    case Kind::unauthorized: return "unauthorized";
    case Kind::denied: return "denied";
    case Kind::missing: return "missing";
    case Kind::conflict: return "conflict";
    case Kind::unchanged: return "unchanged";
    case Kind::too_large: return "too_large";
    case Kind::unsupported: return "unsupported";
    case Kind::unavailable: return "unavailable";
    case Kind::timeout: return "timeout";
    case Kind::cancelled: return "cancelled";
    case Kind::internal: return "internal";
    }
    return "unknown";
}

std::string errno_text(int errno_value) {
    char buffer[128];
    std::string text = strerror_r(errno_value, buffer, sizeof buffer);
    if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z')
        text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

Error errno_error(int errno_value, std::string_view what) {
    Kind kind = Kind::internal;
    if (errno_value == ENOENT) kind = Kind::missing;
    if (errno_value == EACCES || errno_value == EPERM) kind = Kind::denied;
    if (errno_value == ETIMEDOUT) kind = Kind::timeout;
    std::string message(what);
    message += ": ";
    message += errno_text(errno_value);
    return Error(kind, std::move(message));
}

}  // namespace base
