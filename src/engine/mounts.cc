#include "engine/mounts.h"

#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <set>
#include <sys/stat.h>

namespace engine {

namespace {

Error invalid(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        std::size_t at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

bool is_propagation(std::string_view word) {
    for (std::string_view known : {"private", "rprivate", "shared", "rshared", "slave", "rslave"})
        if (word == known) return true;
    return false;
}

// The words behind the second colon of -v. False for one that is none, or said twice.
bool read_mode(UserMount& mount, std::string_view mode) {
    bool access = false, label = false, copy = false;
    for (const std::string& word : split(mode, ',')) {
        if (word == "ro" || word == "rw") {
            if (std::exchange(access, true)) return false;
            mount.read_only = word == "ro";
        } else if (word == "z" || word == "Z") {
            if (std::exchange(label, true)) return false;
        } else if (word == "nocopy") {
            if (std::exchange(copy, true)) return false;
        } else if (is_propagation(word)) {
            if (!mount.propagation.empty()) return false;
            mount.propagation = word;
        } else {
            return false;
        }
    }
    return true;
}

Error no_volumes(std::string_view what) {
    return Error(
        Kind::unsupported,
        fmt::format("volumes are not implemented by this engine yet (asked for by {})", what));
}

Status check_destination(const std::string& destination) {
    if (destination.empty() || destination[0] != '/')
        return invalid(
            fmt::format("invalid mount path: '{}' mount path must be absolute", destination));
    if (clean_path(destination) == "/")
        return invalid("invalid specification: destination can't be '/'");
    return {};
}

// What mount(8) and tmpfs itself know; where it is mounted and from what is not for options to say.
Status check_tmpfs_option(std::string_view option) {
    static constexpr std::string_view flags[] = {
        "defaults", "ro",         "rw",          "suid",          "nosuid",   "dev",
        "nodev",    "exec",       "noexec",      "sync",          "async",    "dirsync",
        "mand",     "nomand",     "atime",       "noatime",       "diratime", "nodiratime",
        "relatime", "norelatime", "strictatime", "nostrictatime", "private",  "rprivate",
        "shared",   "rshared",    "slave",       "rslave"};
    static constexpr std::string_view keys[] = {"size",      "mode",      "uid", "gid",
                                                "nr_inodes", "nr_blocks", "mpol"};
    std::size_t equals = option.find('=');
    bool known = equals == std::string_view::npos
                     ? std::ranges::find(flags, option) != std::end(flags)
                     : std::ranges::find(keys, option.substr(0, equals)) != std::end(keys);
    if (!known) return invalid(fmt::format("invalid tmpfs option [\"{}\"]", option));
    return {};
}

Error bad_config(std::string_view type, std::string_view why) {
    return invalid(fmt::format("invalid mount config for type \"{}\": {}", type, why));
}

Result<UserMount> from_bind(const wire::Mount& asked) {
    if (asked.source.empty()) return bad_config("bind", "field Source must not be empty");
    if (asked.source[0] != '/')
        return bad_config(
            "bind",
            fmt::format("invalid mount path: '{}' mount path must be absolute", asked.source));
    UserMount mount;
    mount.type = "bind";
    mount.source = clean_path(asked.source);
    if (const auto& bind = asked.bind) {
        if (!bind->propagation.empty() && !is_propagation(bind->propagation))
            return bad_config("bind",
                              fmt::format("invalid propagation mode: {}", bind->propagation));
        mount.propagation = bind->propagation;
        mount.recursive = !bind->non_recursive;
        mount.read_only_recursive = !bind->read_only_non_recursive;
        mount.create_source = bind->create_mountpoint;
    }
    return mount;
}

Result<UserMount> from_tmpfs(const wire::Mount& asked) {
    if (!asked.source.empty()) return bad_config("tmpfs", "field Source must not be specified");
    UserMount mount;
    mount.type = "tmpfs";
    mount.options = {"nosuid", "nodev", "noexec"};
    if (const auto& options = asked.tmpfs) {
        if (options->size_bytes < 0) return bad_config("tmpfs", "invalid size");
        if (options->size_bytes > 0)
            mount.options.push_back(fmt::format("size={}", options->size_bytes));
        if (options->mode != 0) mount.options.push_back(fmt::format("mode={:o}", options->mode));
        for (const wire::Strings& option : options->options) {
            mount.options.push_back(fmt::format("{}", fmt::join(option, "=")));
            TRY_DO(check_tmpfs_option(mount.options.back()));
        }
    }
    return mount;
}

Result<UserMount> from_mount(const wire::Mount& asked) {
    if (asked.target.empty()) return bad_config(asked.type, "field Target must not be empty");
    if (Status fine = check_destination(asked.target); !fine)
        return bad_config(asked.type, fine.error().message());
    if (asked.type == "volume") return no_volumes("--mount type=volume");
    if (asked.type == "image")
        return Error(Kind::unsupported, "image mounts are not implemented by this engine yet");
    if (asked.type != "bind" && asked.type != "tmpfs")
        return invalid(fmt::format("mount type unknown: \"{}\"", asked.type));
    TRY(UserMount mount, asked.type == "bind" ? from_bind(asked) : from_tmpfs(asked));
    mount.destination = clean_path(asked.target);
    mount.read_only = asked.read_only;
    return mount;
}

// --tmpfs /path[:options]
Result<UserMount> from_tmpfs_flag(const std::string& path, const std::string& text) {
    TRY_DO(check_destination(path));
    UserMount mount;
    mount.type = "tmpfs";
    mount.destination = clean_path(path);
    mount.options = {"nosuid", "nodev", "noexec"};
    if (text.empty()) return mount;
    for (std::string& option : split(text, ',')) {
        TRY_DO(check_tmpfs_option(option));
        if (option == "ro") {
            mount.read_only = true;
            continue;
        }
        // What switches a default off takes its place.
        std::string_view positive = option;
        if (option == "exec" || option == "suid" || option == "dev")
            std::erase(mount.options, fmt::format("no{}", positive));
        if (option != "rw") mount.options.push_back(std::move(option));
    }
    return mount;
}

std::size_t depth(const std::string& path) {
    return static_cast<std::size_t>(std::ranges::count(path, '/'));
}

}  // namespace

std::string clean_path(std::string_view path) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < path.size();) {
        std::size_t end = std::min(path.find('/', at), path.size());
        std::string_view part = path.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
            continue;
        }
        parts.push_back(part);
    }
    return fmt::format("/{}", fmt::join(parts, "/"));
}

Result<UserMount> parse_bind(std::string_view text) {
    std::vector<std::string> parts = split(text, ':');
    Error wrong = invalid(fmt::format("invalid volume specification: '{}'", text));
    if (parts.size() < 2 || parts.size() > 3 || parts[0].empty()) {
        if (parts.size() == 1 && !parts[0].empty() && parts[0][0] == '/')
            return no_volumes(fmt::format("-v {}", text));
        return wrong;
    }
    if (parts[0][0] != '/') return no_volumes(fmt::format("-v {}", text));
    UserMount mount;
    mount.type = "bind";
    mount.source = clean_path(parts[0]);
    if (Status fine = check_destination(parts[1]); !fine)
        return fine.error().context(wrong.message());
    mount.destination = clean_path(parts[1]);
    mount.create_source = true;
    if (parts.size() == 3) {
        mount.mode = parts[2];
        if (!read_mode(mount, parts[2])) return invalid(fmt::format("invalid mode: {}", parts[2]));
    }
    return mount;
}

Result<std::vector<UserMount>> user_mounts(const wire::HostConfig& host) {
    std::vector<UserMount> mounts;
    for (const std::string& text : host.binds) {
        TRY(UserMount mount, parse_bind(text));
        mounts.push_back(std::move(mount));
    }
    for (const wire::Mount& asked : host.mounts) {
        TRY(UserMount mount, from_mount(asked));
        mounts.push_back(std::move(mount));
    }
    for (const auto& [path, options] : host.tmpfs) {
        TRY(UserMount mount, from_tmpfs_flag(path, options));
        mounts.push_back(std::move(mount));
    }
    std::set<std::string> taken;
    for (const UserMount& mount : mounts)
        if (!taken.insert(mount.destination).second)
            return invalid(fmt::format("Duplicate mount point: {}", mount.destination));
    if (!host.volumes_from.empty()) return no_volumes("--volumes-from");
    std::ranges::sort(mounts, {}, [](const UserMount& m) {
        return std::pair(depth(m.destination), m.destination);
    });
    return mounts;
}

bool is_below(std::string_view path, std::string_view folder) {
    return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

Status check_sources(const std::vector<UserMount>& mounts) {
    for (const UserMount& mount : mounts) {
        struct stat info {};
        if (mount.type != "bind" || mount.create_source) continue;
        if (::stat(mount.source.c_str(), &info) != 0)
            return bad_config("bind",
                              fmt::format("bind source path does not exist: {}", mount.source));
    }
    return {};
}

Status make_sources(const std::vector<UserMount>& mounts) {
    for (const UserMount& mount : mounts) {
        struct stat info {};
        if (mount.type != "bind" || !mount.create_source) continue;
        if (::stat(mount.source.c_str(), &info) == 0) continue;
        Status made = sys::make_folders(mount.source, 0755);
        if (!made)
            return Error(Kind::internal,
                         fmt::format("error while creating mount source path '{}': {}",
                                     mount.source, made.error().message()));
    }
    return {};
}

run::Mount run_mount(const UserMount& mount) {
    run::Mount out;
    out.destination = mount.destination;
    out.type = mount.type;
    out.options = mount.options;
    out.options.push_back(mount.read_only ? "ro" : "rw");
    if (mount.type == "tmpfs") {
        out.source = "tmpfs";
        return out;
    }
    out.source = mount.source;
    out.options.push_back(mount.recursive ? "rbind" : "bind");
    out.options.push_back(mount.propagation.empty() ? "rprivate" : mount.propagation);
    if (mount.read_only && !mount.read_only_recursive) out.options.push_back("ro-non-recursive");
    return out;
}

wire::MountPoint mount_point(const UserMount& mount) {
    wire::MountPoint point;
    point.type = mount.type;
    point.source = mount.source;
    point.destination = mount.destination;
    point.mode = mount.mode;
    point.rw = !mount.read_only;
    if (mount.type == "bind")
        point.propagation = mount.propagation.empty() ? "rprivate" : mount.propagation;
    return point;
}

}  // namespace engine
