#include "store/archive_intake.h"

#include <algorithm>
#include <fmt/core.h>

namespace store {

namespace {

constexpr int links_max = 8;

// "blobs/sha256/<hex>" -> "sha256:<hex>", else "".
std::string digest_in(std::string_view path) {
    constexpr std::string_view folder = "blobs/sha256/";
    if (!path.starts_with(folder)) return "";
    std::string digest = "sha256:" + std::string(path.substr(folder.size()));
    return digest_hex(digest) ? digest : "";
}

// The legacy layout has such files beside each layer.
bool names_document(std::string_view path) {
    std::string_view name = path.substr(path.rfind('/') + 1);
    return name.ends_with(".json") || name == "json" || name == "VERSION" || name == "oci-layout" ||
           name == "repositories";
}

std::string folder_of(std::string_view path) {
    std::size_t slash = path.rfind('/');
    return slash == path.npos ? "" : std::string(path.substr(0, slash + 1));
}

}  // namespace

ArchiveIntake::ArchiveIntake(Layers& layers, IntakeLimits limits)
    : layers_(layers), limits_(limits),
      inflater_([this](std::string_view bytes) { return feed_tar(bytes); }), reader_(*this) {}

ArchiveIntake::~ArchiveIntake() = default;

Status ArchiveIntake::feed(std::string_view bytes) {
    fed_ += bytes.size();
    return inflater_.feed(bytes);
}

Status ArchiveIntake::feed_tar(std::string_view bytes) {
    return reader_.feed(bytes);
}

Status ArchiveIntake::finish() {
    TRY_DO(inflater_.finish());
    return reader_.finish();
}

Status ArchiveIntake::entry(const codec::tar::Entry& entry) {
    if (++entries_ > limits_.entries_max)
        return Error(Kind::too_large,
                     fmt::format("archive has more than {} entries", limits_.entries_max));
    use_ = Use::nothing;
    item_ = nullptr;
    TRY(path_, codec::tar::clean_path(entry.path));
    if (path_.empty() || entry.type == codec::tar::Type::folder) return {};
    // The last entry of a name wins.
    item_ = &items_.insert_or_assign(path_, IntakeItem()).first->second;
    switch (entry.type) {
    case codec::tar::Type::file:
        size_ = entry.size;
        use_ = Use::undecided;
        if (entry.sparse) {
            use_ = Use::nothing;
            item_->error = Error(Kind::invalid, "sparse file in an image archive");
        }
        return {};
    case codec::tar::Type::symlink:
    case codec::tar::Type::hard_link: {
        bool relative = entry.type == codec::tar::Type::symlink && !entry.link.starts_with('/');
        auto target = codec::tar::clean_path((relative ? folder_of(path_) : "") + entry.link);
        if (target)
            item_->target = std::move(*target);
        else
            item_->error = target.error();
        return {};
    }
    default:
        item_->error = Error(Kind::invalid, "neither a file nor a link");
        return {};
    }
}

// Its first bytes: a tar begins with a name or, an empty one, with zeros; a JSON document with a
// brace. A small tar whose first name begins so is taken for a document, and unpacked by nobody.
void ArchiveIntake::begin_content(std::string_view bytes) {
    bool brace = bytes.front() == '{' || bytes.front() == '[';
    if (names_document(path_) || (brace && size_ <= limits_.document_bytes_max)) {
        use_ = Use::document;
        return;
    }
    blob_digest_ = digest_in(path_);
    std::optional<Layer> known;
    if (!blob_digest_.empty()) {
        known = layers_.find(blob_digest_);
        for (const Layer& layer : layers_.list())
            if (!known && layer.digest == blob_digest_) known = layer;
    }
    if (known) {
        use_ = Use::known;
        item_->known_diff_id = known->diff_id;
        blob_hash_.emplace();
        return;
    }
    begin_layer();
}

void ArchiveIntake::begin_layer() {
    use_ = Use::layer;
    auto draft = layers_.begin();
    Result<Fd> folder = draft ? draft->folder() : Result<Fd>(draft.error());
    UnpackOptions options;
    options.limits = limits_.layer;
    if (!blob_digest_.empty()) options.digest = blob_digest_;
    auto unpacker = folder ? Unpacker::create(std::move(*folder), std::move(options))
                           : Result<Unpacker>(folder.error());
    if (!unpacker) {
        use_ = Use::nothing;
        item_->error = unpacker.error();
        return;
    }
    item_->draft.emplace(std::move(*draft));
    unpacker_.emplace(std::move(*unpacker));
}

void ArchiveIntake::feed_layer(std::string_view bytes) {
    Status fed = unpacker_->feed(bytes);
    if (fed) return;
    // Nobody may need it: a signature, an attestation, a file of the user's.
    item_->error = fed.error();
    unpacker_.reset();
    item_->draft.reset();
    use_ = Use::nothing;
}

Status ArchiveIntake::keep_text(std::string_view bytes) {
    documents_bytes_ += bytes.size();
    if (item_->text.size() + bytes.size() > limits_.document_bytes_max ||
        documents_bytes_ > limits_.documents_bytes_max)
        return Error(Kind::too_large, fmt::format("{} is too large for a document", path_));
    item_->text += bytes;
    return {};
}

Status ArchiveIntake::content(std::uint64_t, std::string_view bytes) {
    if (bytes.empty()) return {};
    if (use_ == Use::undecided) begin_content(bytes);
    if (use_ == Use::document) return keep_text(bytes);
    if (use_ == Use::known) blob_hash_->update(bytes);
    if (use_ == Use::layer) feed_layer(bytes);
    // A full disk ends the load; what is wrong with one entry is told when it is needed.
    if (item_ != nullptr && item_->error && item_->error->kind() == Kind::internal)
        return *item_->error;
    return {};
}

Status ArchiveIntake::entry_end() {
    if (use_ == Use::known && blob_hash_->digest() != blob_digest_) {
        item_->known_diff_id.clear();
        item_->error = Error(Kind::invalid, fmt::format("{} is not what it is named", path_));
    }
    if (use_ == Use::layer) {
        auto unpacked = unpacker_->finish();
        unpacker_.reset();
        if (unpacked) {
            item_->draft->unpacked = std::move(*unpacked);
        } else {
            item_->error = unpacked.error();
            item_->draft.reset();
        }
    }
    blob_hash_.reset();
    use_ = Use::nothing;
    return {};
}

IntakeItem* ArchiveIntake::find(std::string_view path) {
    auto clean = codec::tar::clean_path(path);
    if (!clean) return nullptr;
    std::string at = std::move(*clean);
    for (int i = 0; i < links_max; ++i) {
        auto found = items_.find(at);
        if (found == items_.end()) return nullptr;
        if (found->second.target.empty()) return &found->second;
        at = found->second.target;
    }
    return nullptr;
}

}  // namespace store
