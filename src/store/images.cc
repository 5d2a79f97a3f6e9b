#include "store/images.h"

#include "codec/json.h"
#include "store/sha256.h"
#include "sys/file.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <set>

namespace store {

namespace {

constexpr std::size_t record_file_bytes_max = 1024 * 1024;
constexpr std::string_view record_suffix = ".image";

constexpr json::Field image_fields[] = {
    json::field<&Image::id>("Id"),
    json::field<&Image::manifest>("Manifest", json::omit_empty),
    json::field<&Image::tags>("Tags"),
    json::field<&Image::digests>("Digests"),
    json::field<&Image::diff_ids>("DiffIds"),
    json::field<&Image::size>("Size"),
    json::field<&Image::created>("Created"),
    json::field<&Image::tagged>("Tagged"),
    json::field<&Image::parent>("Parent", json::omit_empty),
};
constinit const json::Table image_table{image_fields};

}  // namespace

const json::Table& json_table(const Image*) {
    return image_table;
}

Result<std::unique_ptr<Images>> Images::open(const std::string& data_root, Database& database,
                                             Reserve& reserve) {
    std::string path = data_root + "/images";
    TRY_DO(sys::make_folders(path, 0700));
    TRY(Fd folder, sys::open_folder(path));
    std::unique_ptr<Images> images(new Images(database, reserve, std::move(folder)));
    if (!database.set_aside()) return images;
    // The database is new: the records come back from the files beside the blobs.
    TRY(std::vector<std::string> names, sys::list_names(images->folder_));
    for (const std::string& name : names) {
        if (!name.ends_with(record_suffix)) continue;
        TRY(Fd file, sys::open_at(images->folder_, name, O_RDONLY | O_NOFOLLOW));
        Result<std::string> text = sys::read_all(file, record_file_bytes_max);
        if (!text) continue;
        Result<Image> image = json::read<Image>(*text);
        if (image && digest_hex(image->id)) TRY_DO(database.put(Table::images, image->id, *text));
    }
    return images;
}

Status Images::write_blob(std::string_view digest, std::string_view bytes) {
    TRY(std::string hex, digest_hex(digest));
    if (sha256_digest(bytes) != digest)
        return Error(Kind::invalid, fmt::format("content does not match digest {}", digest));
    std::string name = hex + ".json";
    if (::faccessat(folder_.get(), name.c_str(), F_OK, 0) == 0 && read_blob(digest, bytes.size()))
        return {};
    return sys::replace_durably(folder_, name, bytes, 0600);
}

Result<std::string> Images::read_blob(std::string_view digest, std::size_t bytes_max) const {
    TRY(std::string hex, digest_hex(digest));
    TRY(Fd file, sys::open_at(folder_, hex + ".json", O_RDONLY | O_NOFOLLOW));
    TRY(std::string bytes, sys::read_all(file, bytes_max));
    if (sha256_digest(bytes) != digest)
        return Error(Kind::internal, fmt::format("stored document {} is damaged", digest));
    return bytes;
}

Status Images::remove_blob(std::string_view digest) {
    TRY(std::string hex, digest_hex(digest));
    return sys::remove_tree(folder_, hex + ".json");
}

Status Images::put(const Image& image) {
    TRY(std::string hex, digest_hex(image.id));
    std::string text = json::write(image);
    // Names go on a full disk, too.
    TRY_DO(reserve_.insist([&] {
        return sys::replace_durably(folder_, hex + std::string(record_suffix), text, 0600);
    }));
    return database_.put(Table::images, image.id, std::move(text));
}

Status Images::remove(std::string_view id) {
    TRY(std::string hex, digest_hex(id));
    TRY_DO(database_.remove(Table::images, std::string(id)));
    return sys::remove_tree(folder_, hex + std::string(record_suffix));
}

Result<std::vector<Image>> Images::list() const {
    TRY(std::vector<Record> records, database_.list(Table::images));
    std::vector<Image> images;
    for (const Record& record : records) {
        TRY(Image image, json::read<Image>(record.json).context(record.key));
        images.push_back(std::move(image));
    }
    return images;
}

Status Images::sweep() {
    TRY(std::vector<Image> images, list());
    std::set<std::string> named;
    for (const Image& image : images)
        for (const std::string& digest : {image.id, image.manifest})
            if (Result<std::string> hex = digest_hex(digest)) {
                named.insert(*hex + ".json");
                named.insert(*hex + std::string(record_suffix));
            }
    TRY(std::vector<std::string> names, sys::list_names(folder_));
    for (const std::string& name : names)
        if (!named.contains(name)) TRY_DO(sys::remove_tree(folder_, name));
    return {};
}

}  // namespace store
