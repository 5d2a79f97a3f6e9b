// What the tests of unpacking share: a layer's bytes onto a scratch folder, and compression.
#pragma once

#include "store/unpack.h"
#include "support/scratch_folder.h"
#include "support/tar_builder.h"
#include "sys/file.h"

#include <boost/test/unit_test.hpp>
#include <bzlib.h>
#include <lzma.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

namespace layer_support {

using support::ScratchFolder;
using support::TarBuilder;

inline Result<store::Unpacked> unpack(const ScratchFolder& scratch, const std::string& bytes,
                                      store::UnpackOptions options = {},
                                      std::size_t piece = SIZE_MAX) {
    TRY(Fd staging, sys::open_folder(scratch.path()));
    TRY(store::Unpacker unpacker, store::Unpacker::create(std::move(staging), std::move(options)));
    for (std::size_t at = 0; at < bytes.size();) {
        std::size_t size = std::min(piece, bytes.size() - at);
        TRY_DO(unpacker.feed(std::string_view(bytes).substr(at, size)));
        at += size;
    }
    return unpacker.finish();
}

inline std::string gzip(const std::string& bytes) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string packed(deflateBound(&stream, bytes.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

inline std::string zstd(const std::string& bytes) {
    std::string packed(ZSTD_compressBound(bytes.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3));
    return packed;
}

// `dictionary`: what whoever unpacks it must hold.
inline std::string xz(const std::string& bytes, std::uint32_t dictionary = 1 << 20) {
    lzma_options_lzma options;
    lzma_lzma_preset(&options, 0);
    options.dict_size = dictionary;
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
    std::string packed(lzma_stream_buffer_bound(bytes.size()), '\0');
    std::size_t size = 0;
    [[maybe_unused]] lzma_ret done = lzma_stream_buffer_encode(
        filters, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(bytes.data()),
        bytes.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size());
    packed.resize(size);
    return packed;
}

inline std::string bzip2(const std::string& bytes) {
    std::string packed(bytes.size() + bytes.size() / 50 + 1000, '\0');
    auto size = static_cast<unsigned>(packed.size());
    BZ2_bzBuffToBuffCompress(packed.data(), &size, const_cast<char*>(bytes.data()),
                             static_cast<unsigned>(bytes.size()), 9, 0, 0);
    packed.resize(size);
    return packed;
}

inline struct stat status(const std::string& path) {
    struct stat info {};
    BOOST_TEST_CONTEXT(path) {
        BOOST_REQUIRE(::lstat(path.c_str(), &info) == 0);
    }
    return info;
}

inline bool exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace layer_support
