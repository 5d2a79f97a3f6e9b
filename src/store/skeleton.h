// Recording a layer's tar skeleton while the layer is unpacked: a sink between the tar reader and
// the layer's files. What becomes a file is only named, with a hash; every other byte is kept.
#pragma once

#include "codec/skeleton.h"
#include "codec/tar.h"
#include "store/unpack_files.h"
#include "sys/fd.h"

#include <cstdint>
#include <memory>
#include <string>

struct ZSTD_CCtx_s;

namespace store {

inline constexpr const char* skeleton_name = "skeleton";

// The hash of a file's stored bytes: XXH3-64. It only tells which file of a layer is damaged, that
// a layer is what it should be is told by its diff id; a second SHA-256 would cost a third of what
// unpacking costs, this one a thirtieth.
class ContentHash {
public:
    ContentHash();
    ContentHash(ContentHash&&) noexcept;
    ~ContentHash();
    void begin();
    void update(std::string_view bytes);
    std::uint64_t value() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

class SkeletonWriter final : public codec::tar::Sink {
public:
    // `files` outlives it; `staging` is the folder that gets the file.
    SkeletonWriter(LayerFiles& files, Fd staging);
    ~SkeletonWriter();

    Status entry(const codec::tar::Entry& entry) override;
    Status content(std::uint64_t offset, std::string_view bytes) override;
    Status entry_end() override;
    Status raw(std::string_view bytes) override;

    // The tar has ended: the file is complete (not synced: that comes with the layer).
    Status finish(std::uint64_t tar_bytes);

private:
    Status put_raw();
    // Compresses what has gathered, when it is much or `last`.
    Status flush(bool last);

    LayerFiles& files_;
    Fd staging_, file_;
    struct Free {
        void operator()(ZSTD_CCtx_s* context) const;
    };
    std::unique_ptr<ZSTD_CCtx_s, Free> context_;
    std::string raw_;      // bytes in a row that are to be one record
    std::string records_;  // not compressed yet
    std::unique_ptr<char[]> packed_;
    ContentHash hash_;
    codec::skeleton::Record file_record_;
    bool in_file_ = false;
};

}  // namespace store
