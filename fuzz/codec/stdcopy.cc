// Frames: cut in any way they give the same pieces.
#include "codec/stdcopy.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string decode(std::string_view input, std::size_t step) {
    codec::FrameDecoder decoder;
    std::string streams[4];
    for (std::size_t at = 0; at < input.size(); at += step) {
        std::string_view part = input.substr(at, step);
        codec::FrameDecoder::Piece piece;
        while (true) {
            auto more = decoder.next(part, piece);
            if (!more) return "refused";
            if (!*more) break;
            streams[static_cast<std::size_t>(piece.stream)] += piece.bytes;
        }
    }
    return streams[0] + "|" + streams[1] + "|" + streams[2] + "|" + streams[3] +
           (decoder.at_boundary() ? "" : "...");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    std::string whole = decode(input, input.size() + 1);
    if (decode(input, 1) != whole || decode(input, 7) != whole) std::abort();
    return 0;
}
