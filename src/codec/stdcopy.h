// The frames of attach and logs without a terminal: [stream,0,0,0,length as 32 bit big endian] and
// that many bytes.
#pragma once

#include "base/error.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace codec {

enum class Stdio : std::uint8_t { in = 0, out = 1, err = 2, system_error = 3 };

inline constexpr std::size_t frame_header_bytes = 8;
// The header for a payload of `size` bytes, which follows it.
std::array<char, frame_header_bytes> frame_header(Stdio stream, std::uint32_t size);
void append_frame(std::string& out, Stdio stream, std::string_view payload);

// Takes frames apart as their bytes come, in whatever pieces; payload is not buffered.
class FrameDecoder {
public:
    struct Piece {
        Stdio stream = Stdio::out;
        std::string_view bytes;  // a part of a frame's payload, into the input
        bool frame_ends = false;
    };
    // Moves `input` past what it used. `piece` is set when it returns true; false: the input is
    // used up. invalid when the stream number is none: nothing after it can be understood.
    Result<bool> next(std::string_view& input, Piece& piece);
    // Between two frames: the only place where input may end.
    bool at_boundary() const { return header_size_ == 0 && !in_payload_; }

private:
    std::array<char, frame_header_bytes> header_{};
    std::size_t header_size_ = 0;
    std::uint32_t left_ = 0;
    bool in_payload_ = false;
    Stdio stream_ = Stdio::out;
};

}  // namespace codec
