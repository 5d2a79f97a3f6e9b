// Which compressed blobs a layer is known as, and in which repositories of which registries they
// were: what a push needs to send nothing a second time. Only hints: a registry is always asked.
#pragma once

#include "base/error.h"
#include "codec/json.h"
#include "store/database.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace store {

struct LayerBlob {
    std::string digest;
    std::uint64_t size = 0;
    std::string media_type;
    std::vector<std::string> repositories;  // "localhost:5000/team/app", latest first
};

class LayerBlobs {
public:
    static constexpr std::size_t blobs_max = 8;          // a layer; the oldest go
    static constexpr std::size_t repositories_max = 16;  // a blob

    explicit LayerBlobs(Database& database) : database_(database) {}

    // Latest first; empty when nothing is known. Blocking, as everything here.
    Result<std::vector<LayerBlob>> find(std::string_view diff_id) const;
    struct Seen {
        std::string diff_id, digest;
        std::uint64_t size = 0;
        std::string media_type;
    };
    // These blobs were seen in that repository. Durable when it returns; one transaction, none
    // when nothing is new.
    Status add(const std::vector<Seen>& seen, const std::string& repository);
    // The blob is not in that repository any more.
    Status remove(std::string_view diff_id, std::string_view digest, std::string_view repository);

private:
    Database& database_;
};

// The rule of add(), without the disk. False: `blobs` says all that already.
bool note_blob(std::vector<LayerBlob>& blobs, const LayerBlobs::Seen& seen,
               const std::string& repository);

const json::Table& json_table(const LayerBlob*);

}  // namespace store
