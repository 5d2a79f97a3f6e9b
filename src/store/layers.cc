#include "store/layers.h"

#include "base/hex.h"
#include "base/log.h"
#include "codec/json.h"
#include "store/sha256.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fmt/core.h>
#include <set>
#include <sys/stat.h>
#include <sys/xattr.h>

namespace store {

namespace {

constexpr std::size_t meta_bytes_max = 64 * 1024;
constexpr std::size_t xattr_bytes_max = 64 * 1024;

constexpr json::Field layer_fields[] = {
    json::field<&Layer::id>("Id"),
    json::field<&Layer::diff_id>("DiffId"),
    json::field<&Layer::digest>("Digest"),
    json::field<&Layer::compressed_size>("CompressedSize"),
    json::field<&Layer::size>("Size"),
    json::field<&Layer::tar_size>("TarSize"),
    json::field<&Layer::compression>("Compression"),
    json::field<&Layer::opaque_root>("OpaqueRoot", json::omit_empty),
    json::field<&Layer::source>("Source", json::omit_empty),
};
constinit const json::Table layer_table{layer_fields};

std::string base36(std::uint64_t value) {
    char text[16];
    auto [end, error] = std::to_chars(text, text + sizeof text, value, 36);
    return {text, end};
}

// Ours only: short, no dots, no slashes.
bool is_layer_id(std::string_view id) {
    return !id.empty() && id.size() <= 13 && std::ranges::all_of(id, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    });
}

Status sync_folder(const Fd& folder, std::string_view what) {
    TRY(Fd opened, sys::open_at(folder, ".", O_RDONLY | O_DIRECTORY));
    if (::fsync(opened.get()) != 0) return base::errno_error(errno, fmt::format("fsync {}", what));
    return {};
}

Status copy_xattrs(const Fd& from, const Fd& to, const std::string& path) {
    std::string names(xattr_bytes_max, '\0');
    ssize_t size = ::flistxattr(from.get(), names.data(), names.size());
    if (size < 0)
        return errno == EOPNOTSUPP ? Status()
                                   : Status(base::errno_error(errno, "list xattrs of " + path));
    std::string value(xattr_bytes_max, '\0');
    for (const char* name = names.data(); name < names.data() + size;
         name += std::string_view(name).size() + 1) {
        std::string_view view(name);
        if (!view.starts_with("user.") || view.starts_with("user.overlay.")) continue;
        ssize_t got = ::fgetxattr(from.get(), name, value.data(), value.size());
        if (got >= 0 &&
            ::fsetxattr(to.get(), name, value.data(), static_cast<std::size_t>(got), 0) != 0)
            return base::errno_error(errno, "set xattr of " + path);
    }
    return {};
}

Status copy_metadata(const Fd& from, const Fd& to, const std::string& path) {
    struct stat info {};
    if (::fstat(from.get(), &info) != 0) return base::errno_error(errno, "stat " + path);
    if (::fchown(to.get(), info.st_uid, info.st_gid) != 0)
        return base::errno_error(errno, "chown " + path);
    if (::fchmod(to.get(), info.st_mode & 07777) != 0)
        return base::errno_error(errno, "chmod " + path);
    TRY_DO(copy_xattrs(from, to, path));
    timespec times[2] = {info.st_atim, info.st_mtim};
    if (::futimens(to.get(), times) != 0) return base::errno_error(errno, "set times of " + path);
    return {};
}

}  // namespace

const json::Table& json_table(const Layer*) {
    return layer_table;
}

Draft::Draft(Draft&& other) noexcept
    : unpacked(std::move(other.unpacked)), source(std::move(other.source)),
      staging_(std::move(other.staging_)), folder_(std::move(other.folder_)),
      name_(std::exchange(other.name_, {})), path_(std::move(other.path_)) {}

Draft& Draft::operator=(Draft&& other) noexcept {
    std::swap(unpacked, other.unpacked);
    std::swap(source, other.source);
    std::swap(staging_, other.staging_);
    std::swap(folder_, other.folder_);
    std::swap(name_, other.name_);
    std::swap(path_, other.path_);
    return *this;
}

Draft::~Draft() {
    if (name_.empty() || !staging_) return;
    Status done = sys::remove_tree(staging_, name_);
    if (!done)
        base::log::warn("staging folder stays until the next start name={} reason={}", name_,
                        done.error().message());
}

Status apply_implied(const std::string& diff, const std::vector<std::string>& implied,
                     const std::vector<std::string>& lower_diffs) {
    TRY(Fd root, sys::open_folder(diff));
    std::vector<Fd> lowers;
    for (const std::string& path : lower_diffs) {
        TRY(Fd lower, sys::open_folder(path));
        lowers.push_back(std::move(lower));
    }
    // Children first: setting a folder's metadata does not touch its parent's times.
    for (auto path = implied.rbegin(); path != implied.rend(); ++path) {
        for (const Fd& lower : lowers) {
            Result<Fd> from = sys::open_beneath(lower, *path, O_RDONLY | O_DIRECTORY);
            if (!from) continue;
            TRY(Fd to, sys::open_beneath(root, *path, O_RDONLY | O_DIRECTORY));
            TRY_DO(copy_metadata(*from, to, *path));
            break;
        }
    }
    return {};
}

Layers::Layers(std::string data_root, Database& database, Reserve& reserve, Fd staging, Fd layers)
    : data_root_(std::move(data_root)), database_(database), reserve_(reserve),
      staging_(std::move(staging)), folder_(std::move(layers)) {}

Result<std::unique_ptr<Layers>> Layers::open(const std::string& data_root, Database& database,
                                             Reserve& reserve) {
    TRY_DO(sys::make_folders(data_root + "/staging", 0700));
    TRY_DO(sys::make_folders(data_root + "/layers", 0710));
    TRY(Fd staging, sys::open_folder(data_root + "/staging"));
    TRY(Fd layers, sys::open_folder(data_root + "/layers"));
    std::unique_ptr<Layers> opened(
        new Layers(data_root, database, reserve, std::move(staging), std::move(layers)));
    TRY_DO(opened->load());
    return opened;
}

// The records are the truth; a folder without one is a commit that was cut before its record (or a
// lost database): its meta.json, written before the rename, tells what it is.
Status Layers::load() {
    TRY(std::vector<Record> records, database_.list(Table::layers));
    std::set<std::string> known;
    for (const Record& record : records) {
        TRY(Layer layer, json::read<Layer>(record.json).context(record.key));
        if (!is_layer_id(layer.id))
            return Error(Kind::internal, "layer record with a bad id: " + record.key);
        if (::faccessat(folder_.get(), (layer.id + "/diff").c_str(), F_OK, 0) != 0) {
            base::log::warn("layer folder is gone id={} diff_id={}", layer.id, layer.diff_id);
            TRY_DO(database_.remove(Table::layers, record.key));
            continue;
        }
        known.insert(layer.id);
        layers_.push_back(std::move(layer));
    }
    TRY(std::vector<std::string> names, sys::list_names(folder_));
    for (const std::string& name : names) {
        std::uint64_t number = 0;
        std::from_chars(name.data(), name.data() + name.size(), number, 36);
        if (is_layer_id(name)) next_ = std::max(next_, number + 1);
        if (known.contains(name)) continue;
        Result<Fd> file = sys::open_beneath(folder_, name + "/meta.json", O_RDONLY);
        Result<std::string> text =
            file ? sys::read_all(*file, meta_bytes_max) : Result<std::string>(file.error());
        Result<Layer> layer = text ? json::read<Layer>(*text) : Result<Layer>(text.error());
        if (!layer || layer->id != name || !digest_hex(layer->diff_id) || find(layer->diff_id)) {
            TRY_DO(sys::remove_tree(folder_, name));
            continue;
        }
        TRY_DO(database_.put(Table::layers, layer->diff_id, *text));
        layers_.push_back(std::move(*layer));
    }
    return {};
}

std::string Layers::next_id() {
    std::lock_guard lock(mutex_);
    return base36(next_++);
}

Result<Draft> Layers::begin() {
    std::string name = base::random_id().substr(0, 16);
    if (::mkdirat(staging_.get(), name.c_str(), 0710) != 0)
        return base::errno_error(errno, "make a staging folder");
    TRY(Fd folder, sys::open_at(staging_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(Fd staging, staging_.duplicate());
    return Draft(std::move(staging), std::move(folder), name, data_root_ + "/staging/" + name);
}

Result<std::vector<Layer>> Layers::commit(std::vector<Draft> drafts) {
    std::lock_guard committing(committing_);
    std::vector<Layer> result;
    std::vector<Layer> fresh;
    for (Draft& draft : drafts) {
        const Unpacked& unpacked = draft.unpacked;
        std::optional<Layer> existing = find(unpacked.diff_id);
        auto same = std::ranges::find(fresh, unpacked.diff_id, &Layer::diff_id);
        if (same != fresh.end()) existing = *same;
        if (existing) {
            result.push_back(*existing);
            continue;  // the draft is discarded
        }
        Layer layer{next_id(),
                    unpacked.diff_id,
                    unpacked.digest,
                    unpacked.size,
                    unpacked.unpacked_size,
                    unpacked.tar_size,
                    unpacked.compression,
                    unpacked.opaque_root,
                    draft.source};
        TRY_DO(sys::replace_file(draft.folder_, "meta.json", json::write(layer), 0600));
        fresh.push_back(layer);
        result.push_back(std::move(layer));
    }
    if (fresh.empty()) return result;
    // One flush for all files of all drafts is many times cheaper than one fsync a file (floor.md).
    // Every draft is asked, though: the kernel tells a failed write to those descriptors that were
    // open when it happened and have not been told. Behind the first there is little left to flush.
    for (const Draft& draft : drafts)
        if (::syncfs(draft.folder_.get()) != 0) return base::errno_error(errno, "sync layers");
    Status named = name_drafts(fresh, drafts);
    if (!named) {
        take_back(fresh);
        return named.error();
    }
    std::lock_guard lock(mutex_);
    layers_.insert(layers_.end(), fresh.begin(), fresh.end());
    return result;
}

Status Layers::name_drafts(const std::vector<Layer>& fresh, std::vector<Draft>& drafts) {
    Batch batch;
    for (const Layer& layer : fresh) {
        auto draft = std::ranges::find_if(drafts, [&](const Draft& each) {
            return !each.name_.empty() && each.unpacked.diff_id == layer.diff_id;
        });
        if (::renameat(staging_.get(), draft->name_.c_str(), folder_.get(), layer.id.c_str()) != 0)
            return base::errno_error(errno, "name layer " + layer.id);
        draft->name_.clear();
        batch.put(Table::layers, layer.diff_id, json::write(layer));
    }
    TRY_DO(sync_folder(folder_, "layers"));
    return database_.commit(batch);
}

// What has a name already, though not all of them could be recorded, takes room and is nobody's.
void Layers::take_back(const std::vector<Layer>& fresh) {
    for (const Layer& layer : fresh) {
        std::string doomed = "removed-" + base::random_id().substr(0, 12);
        if (::renameat(folder_.get(), layer.id.c_str(), staging_.get(), doomed.c_str()) != 0)
            continue;
        Status removed = sys::remove_tree(staging_, doomed);
        if (!removed)
            base::log::warn("staging folder stays until the next start name={} reason={}", doomed,
                            removed.error().message());
    }
}

std::vector<Layer> Layers::list() const {
    std::lock_guard lock(mutex_);
    return layers_;
}

std::optional<Layer> Layers::find(std::string_view diff_id) const {
    std::lock_guard lock(mutex_);
    auto at = std::ranges::find(layers_, diff_id, &Layer::diff_id);
    if (at == layers_.end()) return std::nullopt;
    return *at;
}

std::string Layers::diff_path(std::string_view id) const {
    return fmt::format("{}/layers/{}/diff", data_root_, id);
}

Status Layers::remove(std::string_view id) {
    Layer layer;
    {
        std::lock_guard lock(mutex_);
        auto at = std::ranges::find(layers_, id, &Layer::id);
        if (at == layers_.end()) return Error(Kind::missing, fmt::format("No such layer: {}", id));
        layer = *at;
        layers_.erase(at);
    }
    Batch gone;
    gone.remove(Table::layers, layer.diff_id);
    gone.remove(Table::layer_blobs, layer.diff_id);
    Status forgotten = database_.commit(gone);
    if (!forgotten) {
        std::lock_guard lock(mutex_);
        layers_.push_back(std::move(layer));
        return forgotten;
    }
    // Out of layers/ before its files go: a start after a cut must not find half a layer there.
    std::string doomed = "removed-" + base::random_id().substr(0, 12);
    TRY_DO(reserve_.insist([&]() -> Status {
        if (::renameat(folder_.get(), layer.id.c_str(), staging_.get(), doomed.c_str()) == 0 ||
            errno == ENOENT)
            return {};
        return base::errno_error(errno, "remove layer " + layer.id);
    }));
    return sys::remove_tree(staging_, doomed);
}

Status Layers::replace(Draft draft) {
    std::lock_guard committing(committing_);
    std::optional<Layer> layer = find(draft.unpacked.diff_id);
    if (!layer)
        return Error(Kind::missing, fmt::format("No such layer: {}", draft.unpacked.diff_id));
    TRY_DO(sys::replace_file(draft.folder_, "meta.json", json::write(*layer), 0600));
    if (::syncfs(draft.folder_.get()) != 0) return base::errno_error(errno, "sync layer");
    // At no moment is there half a layer, or none.
    if (::renameat2(staging_.get(), draft.name_.c_str(), folder_.get(), layer->id.c_str(),
                    RENAME_EXCHANGE) != 0) {
        if (errno != ENOENT) return base::errno_error(errno, "replace layer " + layer->id);
        if (::renameat(staging_.get(), draft.name_.c_str(), folder_.get(), layer->id.c_str()) != 0)
            return base::errno_error(errno, "replace layer " + layer->id);
        draft.name_.clear();
    }
    return sync_folder(folder_, "layers");  // the draft is the old one now, and goes
}

}  // namespace store
