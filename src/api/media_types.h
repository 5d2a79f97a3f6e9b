// What a stream of a container's output calls itself.
#pragma once

#include "http/message.h"

#include <string_view>

namespace api {

inline constexpr std::string_view raw_type = "application/vnd.docker.raw-stream";

// `framed`: codec/stdcopy. It has a name of its own since 1.42; it was framed before that too.
inline std::string_view stream_type(bool framed, http::Version version) {
    constexpr http::Version first_with_its_own{1, 42};
    return framed && version >= first_with_its_own ? "application/vnd.docker.multiplexed-stream"
                                                   : raw_type;
}

}  // namespace api
