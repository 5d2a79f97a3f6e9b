// tar-split lines: the reader ends, takes whole lines only, and keeps its bounds.
#include "codec/tar_split.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    codec::tar_split::Record record;
    for (;;) {
        std::string_view before = bytes;
        auto there = codec::tar_split::next(bytes, record);
        if (!there || !*there) {
            if (bytes.size() != before.size()) std::abort();
            return 0;
        }
        if (before[before.size() - bytes.size() - 1] != '\n') std::abort();
        if (record.content && !record.raw.empty()) std::abort();
        if (!record.content && record.size != 0) std::abort();
        if (record.size > INT64_MAX) std::abort();
    }
}
