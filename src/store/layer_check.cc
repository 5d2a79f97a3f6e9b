#include "store/layer_check.h"

#include "store/expected_tree.h"
#include "store/layer_names.h"
#include "store/layer_tar.h"
#include "sys/file.h"
#include "sys/names.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <fmt/core.h>
#include <map>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace store {

namespace {

using codec::tar::Type;

constexpr std::size_t xattr_bytes_max = 64 * 1024;

std::string_view type_name(mode_t mode) {
    if (S_ISREG(mode)) return "a file";
    if (S_ISDIR(mode)) return "a folder";
    if (S_ISLNK(mode)) return "a symbolic link";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

mode_t type_of(Type type) {
    switch (type) {
    case Type::file:
    case Type::hard_link:
        return S_IFREG;
    case Type::folder:
        return S_IFDIR;
    case Type::symlink:
        return S_IFLNK;
    case Type::fifo:
        return S_IFIFO;
    case Type::char_device:
        return S_IFCHR;
    case Type::block_device:
        return S_IFBLK;
    }
    return 0;
}

// What overlayfs or a program in a container would see.
bool counts_xattr(std::string_view name) {
    return keeps_xattr(name) || name.starts_with("trusted.overlay.") ||
           name.starts_with("user.overlay.");
}

class Comparison {
public:
    Comparison(const Fd& diff, const ExpectedTree& tree, LayerCheck& out)
        : diff_(diff), tree_(tree), out_(out) {}

    void find(const std::string& path, std::string_view what) {
        if (out_.findings.size() < findings_max)
            out_.findings.push_back(fmt::format("{}: {}", path.empty() ? "/" : path, what));
        else if (out_.findings.size() == findings_max)
            out_.findings.emplace_back("and more");
    }

    Status run(const std::function<bool()>& stopped) {
        std::set<std::string> seen{""};
        std::set<std::string> gone;  // folders: what is below them goes without saying
        for (const auto& [path, number] : tree_.paths()) {
            if (stopped()) return Error(Kind::cancelled, "cancelled");
            const ExpectedNode& node = tree_.node(number);
            bool folder = node.type == Type::folder;
            if (!path.empty() && gone.contains(parent_of(path))) {
                if (folder) gone.insert(path);
                continue;
            }
            if (!seen.contains(path)) {
                touched_.insert(parent_of(path));
                find(path, "is missing");
                if (folder) gone.insert(path);
                continue;
            }
            if (!folder) continue;
            auto opened = sys::open_beneath(diff_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            if (!opened) {
                find(path, "is no folder");
                gone.insert(path);
                continue;
            }
            TRY_DO(look_into(*opened, path, seen));
        }
        for (const auto& [path, folder] : folders_)
            TRY_DO(look_at_folder(path, *folder));
        return {};
    }

private:
    static std::string parent_of(const std::string& path) {
        std::size_t slash = path.rfind('/');
        return slash == std::string::npos ? "" : path.substr(0, slash);
    }

    Status look_into(const Fd& folder, const std::string& path, std::set<std::string>& seen) {
        folders_.emplace_back(path, tree_.find(path));
        TRY(std::vector<std::string> names, sys::all_names(folder));
        for (const std::string& name : names) {
            std::string child = path.empty() ? name : path + "/" + name;
            const ExpectedNode* node = tree_.find(child);
            if (node == nullptr) {
                touched_.insert(path);
                find(child, "does not belong to the layer");
                continue;
            }
            seen.insert(child);
            if (node->type != Type::folder) TRY_DO(look_at(folder, name, child, *node));
        }
        return {};
    }

    // Compares what stat(2) tells; false when the rest need not be looked at.
    bool same_facts(const struct stat& info, const std::string& path, const ExpectedNode& node) {
        mode_t wanted = type_of(node.type);
        if ((info.st_mode & S_IFMT) != wanted) {
            find(path,
                 fmt::format("is {} instead of {}", type_name(info.st_mode), type_name(wanted)));
            return false;
        }
        bool device = S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode);
        if (device && info.st_rdev != makedev(node.device_major, node.device_minor))
            find(path, "is another device");
        if (node.whiteout || !node.has_entry) return true;
        if (!S_ISLNK(info.st_mode) && (info.st_mode & 07777) != node.mode)
            find(path, fmt::format("its mode is {:04o} instead of {:04o}", info.st_mode & 07777,
                                   node.mode));
        if (info.st_uid != node.uid || info.st_gid != node.gid)
            find(path, fmt::format("its owner is {}:{} instead of {}:{}", info.st_uid, info.st_gid,
                                   node.uid, node.gid));
        if (S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) != node.size)
            find(path, fmt::format("its size is {} instead of {}", info.st_size, node.size));
        if (!touched_.contains(path) && !same_time(info.st_mtim, node.modified))
            find(path, "its time of modification is another");
        return true;
    }

    // File systems keep less than a tar may say: whole seconds, 32 bits of them.
    static bool same_time(const timespec& is, const codec::tar::Moment& wanted) {
        if (wanted.seconds < INT32_MIN || wanted.seconds > INT32_MAX) return true;
        return is.tv_sec == wanted.seconds &&
               (is.tv_nsec == 0 || static_cast<std::uint32_t>(is.tv_nsec) == wanted.nanoseconds);
    }

    Status look_at(const Fd& folder, const std::string& name, const std::string& path,
                   const ExpectedNode& node) {
        struct stat info {};
        if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            find(path, base::errno_text(errno));
            return {};
        }
        // A file of many names is told once.
        auto [first, fresh] = inodes_.try_emplace(&node, info.st_ino);
        if (!fresh && first->second == info.st_ino) return {};
        if (!same_facts(info, path, node)) return {};
        if (S_ISLNK(info.st_mode)) {
            char target[PATH_MAX];
            ssize_t size = ::readlinkat(folder.get(), name.c_str(), target, sizeof target);
            if (size < 0 || std::string_view(target, static_cast<std::size_t>(size)) != node.link)
                find(path, "leads to another place");
        }
        if (!S_ISREG(info.st_mode)) return {};
        auto file = sys::open_at(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
        if (!file) {
            find(path, file.error().message());
            return {};
        }
        compare_xattrs(*file, path, node);
        return {};
    }

    Status look_at_folder(const std::string& path, const ExpectedNode& node) {
        TRY(Fd folder, sys::open_beneath(diff_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        struct stat info {};
        if (::fstat(folder.get(), &info) != 0) return base::errno_error(errno, "stat " + path);
        if (same_facts(info, path, node)) compare_xattrs(folder, path, node);
        return {};
    }

    void compare_xattrs(const Fd& file, const std::string& path, const ExpectedNode& node) {
        ssize_t size = ::flistxattr(file.get(), names_.data(), names_.size());
        if (size < 0) {
            if (errno != EOPNOTSUPP) find(path, "its attributes cannot be read");
            return;
        }
        std::set<std::string> there;
        for (const char* name = names_.data(); name < names_.data() + size;
             name += std::string_view(name).size() + 1)
            if (counts_xattr(name)) there.insert(name);
        for (const auto& [name, wanted] : node.xattrs) {
            bool found = there.erase(name) > 0;
            ssize_t got =
                found ? ::fgetxattr(file.get(), name.c_str(), value_.data(), value_.size()) : 0;
            if (!found)
                find(path, fmt::format("its attribute {} is missing", name));
            else if (got < 0 ||
                     std::string_view(value_.data(), static_cast<std::size_t>(got)) != wanted)
                find(path, fmt::format("its attribute {} is another", name));
        }
        // Of a folder that is only implied they are those of a layer below.
        for (const std::string& name : there)
            if (node.has_entry || !keeps_xattr(name))
                find(path, fmt::format("its attribute {} does not belong to the layer", name));
    }

    const Fd& diff_;
    const ExpectedTree& tree_;
    LayerCheck& out_;
    std::vector<std::pair<std::string, const ExpectedNode*>> folders_;
    std::string names_ = std::string(xattr_bytes_max, '\0'), value_ = names_;
    std::map<const ExpectedNode*, ino_t> inodes_;
    std::set<std::string> touched_;  // folders whose times changed with what is in them
};

// Reads the tar that the folder makes: contents are compared on the way, names come out.
Status read_tar(LayerTar& tar, ExpectedTree& tree, const std::function<bool()>& stopped) {
    constexpr std::size_t buffer_bytes = 256 * 1024;
    auto buffer = std::make_unique<char[]>(buffer_bytes);
    codec::tar::Reader reader(tree);
    tar.collect_damaged();
    for (;;) {
        if (stopped()) return Error(Kind::cancelled, "cancelled");
        TRY(std::size_t got, tar.read(buffer.get(), buffer_bytes));
        if (got == 0) return reader.finish();
        TRY_DO(reader.feed({buffer.get(), got}));
    }
}

}  // namespace

Result<LayerCheck> check_layer(const Layers& layers, std::string_view diff_id,
                               const std::function<bool()>& stopped) {
    LayerCheck out;
    auto tar = LayerTar::open(layers, diff_id);
    if (!tar && tar.error().kind() == Kind::unsupported) {
        out.unknown = true;
        return out;
    }
    if (!tar) {
        out.findings.push_back(tar.error().message());
        return out;
    }
    ExpectedTree tree;
    Status read = read_tar(*tar, tree, stopped);
    if (!read && read.error().kind() == Kind::cancelled) return read.error();
    if (!read) {
        out.findings.push_back(read.error().message());
        return out;
    }
    auto layer = layers.find(diff_id);
    if (!layer) return Error(Kind::missing, fmt::format("No such layer: {}", diff_id));
    TRY(Fd diff, sys::open_folder(layers.diff_path(layer->id)));
    Comparison comparison(diff, tree, out);
    TRY_DO(comparison.run(stopped));
    // Of a file that is missing or has another size that has been said already.
    std::set<std::string> told;
    for (const std::string& finding : out.findings)
        if (finding.find(": is ") != finding.npos || finding.find(": its size ") != finding.npos)
            told.insert(finding.substr(0, finding.find(": ")));
    for (const std::string& path : tar->damaged())
        if (told.insert(path).second) comparison.find(path, "its content is not what it was");
    return out;
}

}  // namespace store
