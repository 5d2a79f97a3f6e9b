#include "store/expected_tree.h"

#include "store/layer_names.h"

#include <algorithm>

namespace store {

using codec::tar::Entry;
using codec::tar::Type;

namespace {

void set_xattr(ExpectedNode& node, const std::string& name, const std::string& value) {
    auto at =
        std::ranges::lower_bound(node.xattrs, name, {}, [](const auto& x) { return x.first; });
    if (at != node.xattrs.end() && at->first == name)
        at->second = value;
    else
        node.xattrs.emplace(at, name, value);
}

void dress(ExpectedNode& node, const Entry& entry) {
    node.has_entry = true;
    node.mode = entry.mode;
    node.uid = entry.uid;
    node.gid = entry.gid;
    node.modified = entry.modified;
    for (const auto& [name, value] : entry.xattrs)
        if (keeps_xattr(name)) set_xattr(node, name, value);
}

}  // namespace

ExpectedTree::ExpectedTree() {
    add("", ExpectedNode{});
}

std::size_t ExpectedTree::add(const std::string& path, ExpectedNode node) {
    nodes_.push_back(std::move(node));
    paths_[path] = nodes_.size() - 1;
    return nodes_.size() - 1;
}

const ExpectedNode* ExpectedTree::find(const std::string& path) const {
    auto found = paths_.find(path);
    return found == paths_.end() ? nullptr : &nodes_[found->second];
}

void ExpectedTree::clear(const std::string& path) {
    paths_.erase(path);
    // '0' comes after '/': from "path/" up to there is what lies below it.
    paths_.erase(paths_.lower_bound(path + "/"), paths_.lower_bound(path + "0"));
}

// The folder at `path`, made with those above it whatever stood there.
ExpectedNode& ExpectedTree::folder(const std::string& path) {
    std::size_t number = paths_.at("");
    for (std::size_t at = 0; at < path.size();) {
        std::size_t slash = std::min(path.find('/', at), path.size());
        std::string here = path.substr(0, slash);
        auto found = paths_.find(here);
        if (found != paths_.end() && nodes_[found->second].type == Type::folder) {
            number = found->second;
        } else {
            bool hidden = found != paths_.end() && nodes_[found->second].whiteout;
            clear(here);
            number = add(here, ExpectedNode{});
            if (hidden) set_xattr(nodes_[number], opaque_xattr, "y");
        }
        at = slash + 1;
    }
    return nodes_[number];
}

void ExpectedTree::whiteout(const std::string& parent, const std::string& name) {
    if (name == opaque_name) {
        ExpectedNode& node = folder(parent);
        if (!parent.empty()) set_xattr(node, opaque_xattr, "y");
        return;
    }
    if (name.starts_with(aufs_prefix)) return;
    folder(parent);
    std::string hidden = name.substr(whiteout_prefix.size());
    std::string path = parent.empty() ? hidden : parent + "/" + hidden;
    if (auto found = paths_.find(path); found != paths_.end()) {
        ExpectedNode& there = nodes_[found->second];
        if (there.type == Type::folder) set_xattr(there, opaque_xattr, "y");
        return;
    }
    ExpectedNode node;
    node.type = Type::char_device;
    node.whiteout = true;
    add(path, std::move(node));
}

Status ExpectedTree::link(const std::string& path, const Entry& entry) {
    TRY(std::string target, codec::tar::clean_path(entry.link));
    if (target == path) return {};
    auto found = paths_.find(target);
    if (found == paths_.end()) return Error(Kind::invalid, "hard link to what is not there");
    std::size_t number = found->second;
    clear(path);
    paths_[path] = number;
    return {};
}

Status ExpectedTree::entry(const Entry& entry) {
    TRY(std::string path, codec::tar::clean_path(entry.path));
    if (path.empty()) {
        dress(nodes_[paths_.at("")], entry);
        return {};
    }
    std::size_t slash = path.rfind('/');
    std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (parent.starts_with(aufs_prefix) ||
        parent.find("/" + std::string(aufs_prefix)) != parent.npos)
        return {};
    if (name.starts_with(whiteout_prefix)) {
        whiteout(parent, name);
        return {};
    }
    folder(parent);
    if (entry.type == Type::folder) {
        dress(folder(path), entry);
        return {};
    }
    if (entry.type == Type::hard_link) return link(path, entry);
    clear(path);
    ExpectedNode node;
    node.type = entry.type;
    node.size = entry.type == Type::file ? entry.size : 0;
    node.link = entry.type == Type::symlink ? entry.link : "";
    bool device = entry.type == Type::char_device || entry.type == Type::block_device;
    node.device_major = device ? entry.device_major : 0;
    node.device_minor = device ? entry.device_minor : 0;
    dress(node, entry);
    if (entry.type != Type::file) node.xattrs.clear();
    add(path, std::move(node));
    return {};
}

}  // namespace store
