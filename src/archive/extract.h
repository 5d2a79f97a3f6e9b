// A tar archive becomes files of a tree that others may change at the same time: parents are
// resolved inside its root by the kernel each time, owners, modes and times are set on descriptors.
// The rules are those of `docker cp`. Blocking: one thread at a time.
#pragma once

#include "codec/tar.h"
#include "sys/fd.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace archive {

struct ExtractOptions {
    // A folder does not take the place of what is none, nor the other way round.
    bool keep_types = false;
    bool set_owners = true;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;  // of everything
    bool sync = true;                                              // finish() makes it durable
    // The first words of every path and hard link, and what stands there instead.
    std::optional<std::pair<std::string, std::string>> rename;
    // What the target is called in messages, if not by its place in the root.
    std::string called;
};

class Extractor final : private codec::tar::Sink {
public:
    // Paths of the archive begin at `at` (clean, from `root` on, "/" for the root itself), which is
    // a folder. Links resolve inside `root`.
    Extractor(Fd root, std::string at, ExtractOptions options);

    // The next bytes of the tar. After an error it is over; what was complete stays, as with
    // Docker. invalid: the archive is to blame.
    Status feed(std::string_view bytes) { return reader_.feed(bytes); }
    // All was fed: times of folders.
    Status finish();

private:
    Status entry(const codec::tar::Entry& entry) override;
    Status content(std::uint64_t offset, std::string_view bytes) override;
    Status entry_end() override;
    Status raw(std::string_view) override { return {}; }

    // The folder at `path` below the target ("": itself), made with all above it if it is not there
    // and `make` says so.
    Result<Fd> open_folder(const std::string& path, bool make);
    void rename(std::string& path) const;
    Status clear();
    Status put_folder();
    Status put_link();
    Status put_special();
    Status begin_file();
    Status dress(const Fd& file, bool with_times);
    // As messages have it.
    std::string shown(const std::string& path) const;

    Fd root_;
    std::string at_;
    ExtractOptions options_;
    codec::tar::Reader reader_;
    std::uint64_t entries_ = 0;
    std::set<std::string> touched_;  // folders to be made durable one by one

    // The entry at hand.
    codec::tar::Entry entry_;
    std::string path_, name_;
    Fd parent_;
    std::string parent_path_;
    Fd file_;
    std::vector<std::pair<std::string, codec::tar::Moment>> folders_;  // their times come last
};

}  // namespace archive
