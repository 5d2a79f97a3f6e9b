#include "codec/stdcopy.h"

#include <algorithm>
#include <fmt/core.h>

namespace codec {

std::array<char, frame_header_bytes> frame_header(Stdio stream, std::uint32_t size) {
    auto byte = [&](int shift) { return static_cast<char>((size >> shift) & 0xff); };
    return {static_cast<char>(stream), 0, 0, 0, byte(24), byte(16), byte(8), byte(0)};
}

void append_frame(std::string& out, Stdio stream, std::string_view payload) {
    auto header = frame_header(stream, static_cast<std::uint32_t>(payload.size()));
    out.append(header.data(), header.size()).append(payload);
}

Result<bool> FrameDecoder::next(std::string_view& input, Piece& piece) {
    if (!in_payload_) {
        std::size_t part = std::min(frame_header_bytes - header_size_, input.size());
        std::copy_n(input.begin(), part,
                    header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
        header_size_ += part;
        input.remove_prefix(part);
        if (header_size_ > 0 && static_cast<unsigned char>(header_[0]) > 3)
            return Error(Kind::invalid, fmt::format("Unrecognized input header: {}",
                                                    static_cast<unsigned char>(header_[0])));
        if (header_size_ < frame_header_bytes) return false;
        header_size_ = 0;
        stream_ = static_cast<Stdio>(header_[0]);
        left_ = 0;
        for (std::size_t i = 4; i < frame_header_bytes; ++i)
            left_ = left_ << 8 | static_cast<unsigned char>(header_[i]);
        in_payload_ = true;
    }
    if (input.empty() && left_ > 0) return false;
    std::size_t part = std::min<std::size_t>(left_, input.size());
    piece = {stream_, input.substr(0, part), part == left_};
    input.remove_prefix(part);
    left_ -= static_cast<std::uint32_t>(part);
    in_payload_ = left_ > 0;
    return true;
}

}  // namespace codec
