// Tar entries as files of a layer folder: the half of unpacking that touches the disk. Every path
// is resolved below the folder's descriptor, never through links (security-cases section 3).
#pragma once

#include "base/error.h"
#include "codec/tar.h"
#include "store/write_behind.h"
#include "sys/fd.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace store {

struct UnpackOptions;

class LayerFiles final : public codec::tar::Sink {
public:
    // `diff` is an empty folder of ours. Files that a later entry of the same layer replaces go to
    // the folder kept/ of `staging`, named by their inode, when one is given: the layer's tar is
    // rebuilt with them (store/skeleton.h).
    LayerFiles(Fd diff, const UnpackOptions& options, Fd staging = {});

    Status entry(const codec::tar::Entry& entry) override;
    Status content(std::uint64_t offset, std::string_view bytes) override;
    Status entry_end() override;
    Status raw(std::string_view) override { return {}; }

    // Times of the folders, last of all: what was made inside them changed them.
    Status finish();

    // Between entry() and entry_end(): the descriptor of the file that gets the content, -1 when
    // the entry makes none, and its path.
    int current_file() const { return file_.get(); }
    const std::string& current_path() const { return path_; }

    std::uint64_t entries() const { return entries_; }
    std::uint64_t file_bytes() const { return file_bytes_; }
    bool opaque_root() const { return opaque_root_; }
    // Folders without an entry of their own, parents first; "" is the root.
    std::vector<std::string> implied() const;

private:
    struct Folder {
        bool has_entry = false;
        codec::tar::Moment modified;
    };

    // The folder at `path` ("" is the root), made if it is not there. Valid until the next call.
    Result<int> folder(const std::string& path);
    Result<int> make_folder(const std::string& path);
    // Makes folder/name whatever stood there (unless it is a folder already).
    Status put_folder(int parent, const std::string& path, const std::string& name);
    Status clear(int parent, const std::string& path, const std::string& name);
    // Links what is replaced into kept/: a file, or all files of a folder.
    Status keep(const Fd& parent, const std::string& name, int depth);
    Status keep_file(const Fd& parent, const std::string& name, std::uint64_t inode);
    Status whiteout(const std::string& path, const std::string& name, codec::tar::Type type);
    Status opaque(int folder, const std::string& path);

    Status take_file(int parent, const std::string& path, const std::string& name);
    Status take_folder(int parent, const std::string& path, const std::string& name);
    Status take_link(int parent, const std::string& path, const std::string& name);
    Status take_special(int parent, const std::string& path, const std::string& name);
    Status dress(int fd, bool with_times);

    Fd diff_;
    Fd staging_, kept_;
    const std::uint64_t entries_max_, bytes_max_;
    WriteBehind behind_;
    std::uint64_t entries_ = 0;
    std::uint64_t file_bytes_ = 0;
    bool opaque_root_ = false;
    codec::tar::Entry entry_;
    Fd file_;
    std::string path_;
    std::uint64_t written_ = 0;
    // Every folder of the layer; the root always. In order, so that one is found with what is below
    // it when it is replaced.
    std::map<std::string, Folder> folders_{{"", Folder{}}};
    // Open folders: files are made relative to them, without a walk from the root each time.
    std::unordered_map<std::string, Fd> open_;
};

}  // namespace store
