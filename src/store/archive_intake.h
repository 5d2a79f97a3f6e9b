// An image archive as it streams in (docker save's, an OCI layout in one tar, compressed or not):
// documents are kept in memory, whatever else may be a layer is unpacked into a draft at once,
// since the document that says so usually comes last. Nothing here has a name until the caller
// commits. Blocking: one thread at a time, a worker.
#pragma once

#include "base/error.h"
#include "codec/tar.h"
#include "store/inflate.h"
#include "store/layers.h"
#include "store/sha256.h"
#include "store/unpack.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace store {

struct IntakeLimits {
    std::size_t document_bytes_max = 4 * 1024 * 1024;
    std::size_t documents_bytes_max = 64 * 1024 * 1024;  // all together
    std::size_t entries_max = 100'000;
    UnpackLimits layer;
};

// What stands under a path of the archive.
struct IntakeItem {
    std::string text;            // a document
    std::optional<Draft> draft;  // a layer: draft->unpacked is filled
    std::string known_diff_id;   // a layer that is here already; its blob was verified
    std::string target;          // a link: the path it leads to
    std::optional<Error> error;  // why it is neither; told when somebody needs it
};

class ArchiveIntake final : private codec::tar::Sink {
public:
    // `layers` outlives it.
    ArchiveIntake(Layers& layers, IntakeLimits limits);
    ~ArchiveIntake();

    // The archive's next bytes. After an error it must not be fed again.
    Status feed(std::string_view bytes);
    // The archive has ended.
    Status finish();

    // By clean path, links followed (bounded); null when there is nothing.
    IntakeItem* find(std::string_view path);
    // Bytes fed so far.
    std::uint64_t fed_bytes() const { return fed_; }

private:
    Status entry(const codec::tar::Entry& entry) override;
    Status content(std::uint64_t offset, std::string_view bytes) override;
    Status entry_end() override;
    Status raw(std::string_view) override { return {}; }

    Status feed_tar(std::string_view bytes);
    void begin_content(std::string_view bytes);
    void begin_layer();
    void feed_layer(std::string_view bytes);
    Status keep_text(std::string_view bytes);

    // What becomes of the current entry's content.
    enum class Use { nothing, undecided, document, layer, known };

    Layers& layers_;
    const IntakeLimits limits_;
    Inflater inflater_;
    codec::tar::Reader reader_;
    std::map<std::string, IntakeItem, std::less<>> items_;
    std::size_t entries_ = 0, documents_bytes_ = 0;
    std::uint64_t fed_ = 0;

    IntakeItem* item_ = nullptr;  // the current entry's
    std::string path_;
    std::uint64_t size_ = 0;
    Use use_ = Use::nothing;
    std::optional<Unpacker> unpacker_;
    std::optional<Sha256> blob_hash_;
    std::string blob_digest_;  // what the path says it is
};

}  // namespace store
