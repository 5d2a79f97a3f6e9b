// The key sequence that leaves a container running ("ctrl-p,ctrl-q"), and its search in the bytes a
// terminal sends.
#pragma once

#include "base/error.h"

#include <string>
#include <string_view>

namespace codec {

inline constexpr std::string_view default_detach_keys = "\x10\x11";  // ctrl-p, ctrl-q

// The bytes of "ctrl-p,ctrl-q", "a", "ctrl-@,x". Empty text gives the default. invalid: "Unknown
// character: 'ctrl-1'", or more than limits::detach_keys_max keys.
Result<std::string> parse_detach_keys(std::string_view text);

// Watches the bytes of one client. Bytes that may begin the sequence are held back and released as
// soon as it breaks; the sequence itself is swallowed.
class DetachScanner {
public:
    explicit DetachScanner(std::string keys) : keys_(std::move(keys)) {}

    struct Scan {
        std::string pass;       // goes on to the container
        bool detached = false;  // the sequence is complete; what follows it is dropped
    };
    Scan scan(std::string_view bytes);
    // At the end of input: what was held back belongs to the container after all.
    std::string release();

private:
    std::string keys_;
    std::size_t matched_ = 0;
};

}  // namespace codec
