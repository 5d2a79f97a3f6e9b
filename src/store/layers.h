// The layer store: unpacked layers under layers/<id>, shared by all images that contain their
// diff id. A layer begins in staging/, is named only when it is verified and durable, and removed
// by first taking its name away.
#pragma once

#include "base/error.h"
#include "store/database.h"
#include "store/reserve.h"
#include "store/unpack.h"
#include "sys/fd.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace store {

struct Layer {
    std::string id;  // short, base 36: 128 of them fit one page of mount options
    std::string diff_id;
    std::string digest;  // of the compressed blob it came from
    std::uint64_t compressed_size = 0;
    std::uint64_t size = 0;  // of the files
    std::uint64_t tar_size = 0;
    std::string compression;
    bool opaque_root = false;  // mount nothing below it
    std::string source;  // repository it was pulled from: "docker.io/library/busybox"; "" unknown
};

// A layer under way: a folder of its own in staging/, removed unless it was committed.
class Draft {
public:
    Draft(Draft&& other) noexcept;
    Draft& operator=(Draft&& other) noexcept;
    ~Draft();  // discards (blocking); logs its own trouble
    const std::string& name() const { return name_; }
    // A descriptor of the folder, for Unpacker::create.
    Result<Fd> folder() const { return folder_.duplicate(); }
    std::string diff_path() const { return path_ + "/diff"; }

    // Set by whoever unpacked into it.
    Unpacked unpacked;
    std::string source;  // see Layer

private:
    friend class Layers;
    Draft(Fd staging, Fd folder, std::string name, std::string path)
        : staging_(std::move(staging)), folder_(std::move(folder)), name_(std::move(name)),
          path_(std::move(path)) {}
    Fd staging_, folder_;
    std::string name_, path_;
};

// Gives the folders of `diff` that its layer only implies the owner, mode, times and xattrs that
// the topmost of `lower_diffs` (paths of diff folders, topmost first) has for them.
Status apply_implied(const std::string& diff, const std::vector<std::string>& implied,
                     const std::vector<std::string>& lower_diffs);

class Layers {
public:
    static Result<std::unique_ptr<Layers>> open(const std::string& data_root, Database& database,
                                                Reserve& reserve);

    Result<Draft> begin();
    // Makes drafts durable and names them: one syncfs, renames, records, in that order. Those whose
    // diff id is here already are dropped, and the existing layer answered. Call apply_implied
    // first.
    Result<std::vector<Layer>> commit(std::vector<Draft> drafts);

    std::vector<Layer> list() const;
    // By diff id.
    std::optional<Layer> find(std::string_view diff_id) const;
    std::string diff_path(std::string_view id) const;
    // Takes the name away durably, then removes the files.
    Status remove(std::string_view id);
    // Puts another copy of a layer that is here into its place; the old one goes. Nobody may have
    // it mounted.
    Status replace(Draft draft);
    // A descriptor of layers/.
    Result<Fd> folder() const { return folder_.duplicate(); }

private:
    Layers(std::string data_root, Database& database, Reserve& reserve, Fd staging, Fd layers);
    Status load();
    std::string next_id();
    Status name_drafts(const std::vector<Layer>& fresh, std::vector<Draft>& drafts);
    void take_back(const std::vector<Layer>& fresh);

    std::string data_root_;
    Database& database_;
    Reserve& reserve_;
    Fd staging_, folder_;
    std::mutex committing_;     // the same layer may come by two ways at once
    mutable std::mutex mutex_;  // guards what follows; several heavy lanes may call
    std::vector<Layer> layers_;
    std::uint64_t next_ = 0;
};

}  // namespace store
