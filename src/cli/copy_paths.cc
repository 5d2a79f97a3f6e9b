#include "cli/copy_paths.h"

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace cli {

namespace {

constexpr int links_max = 10;

bool ends_with_slash(std::string_view path) {
    return path.ends_with('/');
}
bool means_content(std::string_view path) {
    return base_part(path) == "." && !ends_with_slash(path);
}
// "/", "/." or ".": what can only be a folder.
bool asserts_folder(std::string_view path) {
    return ends_with_slash(path) || means_content(path);
}

Error failed(int errno_value, std::string_view call, std::string_view path) {
    return base::errno_error(errno_value, fmt::format("{} {}", call, path)).as(Kind::invalid);
}

// Go's filepath.EvalSymlinks: its result is cleaned.
Result<std::string> evaluated(const std::string& path) {
    std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), std::free);
    if (!resolved && errno == ENOTDIR) return Error(Kind::invalid, "not a directory");
    if (!resolved) return failed(errno, "lstat", clean_local(path));
    return std::string(resolved.get());
}

}  // namespace

CopyArgument parse_copy_argument(const std::string& text) {
    if (text.starts_with('/')) return {"", text};
    std::size_t colon = text.find(':');
    if (colon == text.npos || text.starts_with('.')) return {"", text};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string clean_local(std::string_view path) {
    bool rooted = path.starts_with('/');
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < path.size();) {
        std::size_t end = std::min(path.find('/', at), path.size());
        std::string_view part = path.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".") continue;
        if (part == ".." && !parts.empty() && parts.back() != "..")
            parts.pop_back();
        else if (part != ".." || !rooted)
            parts.push_back(part);
    }
    std::string out = fmt::format("{}{}", rooted ? "/" : "", fmt::join(parts, "/"));
    return out.empty() ? "." : out;
}

std::string folder_part(std::string_view path) {
    std::size_t slash = path.rfind('/');
    return clean_local(slash == path.npos ? "." : path.substr(0, slash + 1));
}

std::string base_part(std::string_view path) {
    if (path.empty()) return ".";
    while (path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    if (path == "/") return "/";
    return std::string(path.substr(path.rfind('/') + 1));  // npos + 1 is 0
}

std::string join_local(std::string_view folder, std::string_view name) {
    if (folder.empty()) return name.empty() ? "" : clean_local(name);
    return clean_local(fmt::format("{}/{}", folder, name));
}

std::string keep_ending(std::string cleaned, std::string_view path) {
    if (means_content(path) && !means_content(cleaned))
        cleaned += cleaned.ends_with('/') ? "." : "/.";
    else if (ends_with_slash(path) && !ends_with_slash(cleaned))
        cleaned += '/';
    return cleaned;
}

std::pair<std::string, std::string> split_entry(std::string_view path) {
    std::string cleaned = clean_local(path);
    if (means_content(path)) cleaned += "/.";
    return {folder_part(cleaned), base_part(cleaned)};
}

std::pair<std::string, std::string> rebased(std::string_view path, std::string resolved) {
    if (means_content(path) && !means_content(resolved)) resolved += "/.";
    if (ends_with_slash(path) && !ends_with_slash(resolved)) resolved += '/';
    std::string name = base_part(path);
    if (name == base_part(resolved)) name.clear();
    return {std::move(resolved), std::move(name)};
}

Result<CopyPlan> plan_copy(const CopyEnd& source, const CopyEnd& target) {
    auto [folder, name] = split_entry(target.path);
    std::string old = split_entry(source.path).second;
    CopyPlan plan;
    if (target.exists && target.folder) {
        plan.folder = target.path;
        return plan;
    }
    if (target.exists && source.folder) return Error(Kind::invalid, "cannot copy directory");
    if (!target.exists && !source.folder && asserts_folder(target.path))
        return Error(Kind::invalid, "no such directory");
    if (!source.rebase_name.empty()) old = source.rebase_name;
    plan.folder = std::move(folder);
    plan.rename.emplace(old == "/" ? "" : old, name);
    return plan;
}

Result<CopyEnd> local_source(const std::string& path, bool follow) {
    CopyEnd out;
    if (follow) {
        TRY(std::string resolved, evaluated(path));
        std::tie(out.path, out.rebase_name) = rebased(path, std::move(resolved));
    } else {
        std::size_t slash = path.rfind('/') + 1;  // npos + 1 is 0
        TRY(std::string folder, evaluated(slash == 0 ? "." : path.substr(0, slash)));
        out.path = (folder == "/" ? "/" : folder + "/") + path.substr(slash);
        if (ends_with_slash(path) && base_part(path) != base_part(out.path))
            out.rebase_name = base_part(path);
    }
    struct stat info {};
    if (::lstat(out.path.c_str(), &info) != 0) return failed(errno, "lstat", out.path);
    out.exists = true;
    out.folder = S_ISDIR(info.st_mode);
    return out;
}

Result<CopyEnd> local_target(const std::string& original) {
    CopyEnd out;
    out.path = original;
    struct stat info {};
    int found = ::lstat(out.path.c_str(), &info);
    for (int links = 0; found == 0 && S_ISLNK(info.st_mode); ++links) {
        if (links > links_max) return Error(Kind::invalid, "too many symlinks in " + original);
        char text[PATH_MAX];
        ssize_t size = ::readlink(out.path.c_str(), text, sizeof text);
        if (size < 0) return failed(errno, "readlink", out.path);
        std::string target(text, static_cast<std::size_t>(size));
        if (!target.starts_with('/')) target = join_local(split_entry(out.path).first, target);
        out.path = std::move(target);
        found = ::lstat(out.path.c_str(), &info);
    }
    if (found == 0) {
        out.exists = true;
        out.folder = S_ISDIR(info.st_mode);
        return out;
    }
    if (errno != ENOENT) return failed(errno, "lstat", out.path);
    std::string parent = split_entry(out.path).first;
    if (::stat(parent.c_str(), &info) != 0) return failed(errno, "stat", parent);
    if (!S_ISDIR(info.st_mode)) return Error(Kind::invalid, "not a directory");
    return out;
}

Status check_output(const std::string& path) {
    struct stat info {};
    std::string folder = folder_part(clean_local(path));
    if (folder != "." && ::stat(folder.c_str(), &info) != 0 && errno == ENOENT)
        return Error(Kind::invalid, fmt::format("invalid output path: directory \"{}\" does not "
                                                "exist",
                                                folder));
    if (::stat(path.c_str(), &info) != 0)
        return errno == ENOENT ? Status() : Status(failed(errno, "stat", path));
    if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
        return Error(Kind::invalid, fmt::format("invalid output path: \"{}\" must be a directory "
                                                "or a regular file: got a device",
                                                path));
    return {};
}

Status check_output_mode(std::uint32_t mode) {
    constexpr std::uint32_t device = 1U << 26, irregular = 1U << 19;
    if ((mode & device) != 0) return Error(Kind::invalid, "got a device");
    if ((mode & irregular) != 0) return Error(Kind::invalid, "got an irregular file");
    return {};
}

}  // namespace cli
