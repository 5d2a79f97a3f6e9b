// What a layer's folder is to look like, as its tar says: the entries replayed in memory by the
// same rules as store/unpack_files. For `system check`.
#pragma once

#include "base/error.h"
#include "codec/tar.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace store {

// Hard links share one.
struct ExpectedNode {
    codec::tar::Type type = codec::tar::Type::folder;  // never a hard link
    bool has_entry = false;  // else only implied: its metadata comes from layers below
    bool whiteout = false;   // a character device 0:0
    std::uint32_t mode = 0, uid = 0, gid = 0;
    std::uint32_t device_major = 0, device_minor = 0;
    std::uint64_t size = 0;
    codec::tar::Moment modified;
    std::string link;
    std::vector<std::pair<std::string, std::string>> xattrs;  // those we apply, by name
};

class ExpectedTree final : public codec::tar::Sink {
public:
    ExpectedTree();

    Status entry(const codec::tar::Entry& entry) override;
    Status content(std::uint64_t, std::string_view) override { return {}; }
    Status entry_end() override { return {}; }
    Status raw(std::string_view) override { return {}; }

    // By clean path, "" is the root.
    const std::map<std::string, std::size_t>& paths() const { return paths_; }
    const ExpectedNode& node(std::size_t number) const { return nodes_[number]; }
    const ExpectedNode* find(const std::string& path) const;

private:
    std::size_t add(const std::string& path, ExpectedNode node);
    void clear(const std::string& path);
    ExpectedNode& folder(const std::string& path);
    void whiteout(const std::string& parent, const std::string& name);
    Status link(const std::string& path, const codec::tar::Entry& entry);

    std::map<std::string, std::size_t> paths_;
    std::vector<ExpectedNode> nodes_;
};

}  // namespace store
