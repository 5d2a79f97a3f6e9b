#include "store/layer_blobs.h"

#include "store/sha256.h"

#include <algorithm>
#include <map>

namespace store {

namespace {

constexpr json::Field blob_fields[] = {
    json::field<&LayerBlob::digest>("Digest"),
    json::field<&LayerBlob::size>("Size"),
    json::field<&LayerBlob::media_type>("MediaType", json::omit_empty),
    json::field<&LayerBlob::repositories>("Repositories"),
};
constinit const json::Table blob_table{blob_fields};

// Puts `value` first. False if it was.
template <class T> bool to_front(std::vector<T>& list, typename std::vector<T>::iterator at) {
    if (at == list.begin()) return false;
    std::rotate(list.begin(), at, at + 1);
    return true;
}

}  // namespace

const json::Table& json_table(const LayerBlob*) {
    return blob_table;
}

bool note_blob(std::vector<LayerBlob>& blobs, const LayerBlobs::Seen& seen,
               const std::string& repository) {
    auto blob = std::ranges::find(blobs, seen.digest, &LayerBlob::digest);
    bool changed = false;
    if (blob == blobs.end()) {
        LayerBlob made{seen.digest, seen.size, seen.media_type, {repository}};
        blobs.insert(blobs.begin(), std::move(made));
        if (blobs.size() > LayerBlobs::blobs_max) blobs.resize(LayerBlobs::blobs_max);
        return true;
    }
    changed = blob->size != seen.size || (!seen.media_type.empty() && blob->media_type.empty());
    blob->size = seen.size;
    if (blob->media_type.empty()) blob->media_type = seen.media_type;
    auto& names = blob->repositories;
    auto name = std::ranges::find(names, repository);
    if (name == names.end()) {
        names.insert(names.begin(), repository);
        if (names.size() > LayerBlobs::repositories_max) names.resize(LayerBlobs::repositories_max);
        changed = true;
    } else {
        changed |= to_front(names, name);
    }
    return to_front(blobs, blob) || changed;
}

Result<std::vector<LayerBlob>> LayerBlobs::find(std::string_view diff_id) const {
    TRY(std::optional<std::string> text, database_.get(Table::layer_blobs, std::string(diff_id)));
    if (!text) return std::vector<LayerBlob>();
    // Hints only: a record that cannot be read is none.
    auto blobs = json::read<std::vector<LayerBlob>>(*text);
    if (!blobs) return std::vector<LayerBlob>();
    std::erase_if(*blobs, [](const LayerBlob& blob) { return !digest_hex(blob.digest); });
    return std::move(*blobs);
}

Status LayerBlobs::add(const std::vector<Seen>& seen, const std::string& repository) {
    std::map<std::string, std::vector<LayerBlob>> changed;
    for (const Seen& one : seen) {
        auto known = changed.find(one.diff_id);
        std::vector<LayerBlob> blobs;
        if (known != changed.end()) {
            blobs = known->second;
        } else {
            TRY(blobs, find(one.diff_id));
        }
        if (note_blob(blobs, one, repository)) changed[one.diff_id] = std::move(blobs);
    }
    Batch batch;
    for (const auto& [diff_id, blobs] : changed)
        batch.put(Table::layer_blobs, diff_id, json::write(blobs));
    if (batch.empty()) return {};
    return database_.commit(batch);
}

Status LayerBlobs::remove(std::string_view diff_id, std::string_view digest,
                          std::string_view repository) {
    TRY(std::vector<LayerBlob> blobs, find(diff_id));
    auto blob = std::ranges::find(blobs, digest, &LayerBlob::digest);
    if (blob == blobs.end() || std::erase(blob->repositories, repository) == 0) return {};
    return database_.put(Table::layer_blobs, std::string(diff_id), json::write(blobs));
}

}  // namespace store
