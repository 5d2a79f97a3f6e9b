// A container's files by path: a descriptor of its root, below which the kernel resolves every path
// (openat2). Of a container that runs it is the root of its mount namespace; else its layers and
// mounts are put together where nobody else sees them. All blocking: on workers.
#pragma once

#include "base/time.h"
#include "engine/mounts.h"
#include "sys/fd.h"
#include "sys/private_tree.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// What the view of a container is made from; values, so that it can cross to a worker.
struct FilePlan {
    std::string shown;                // the container as the client called it, for messages
    std::string folder;               // containers/<id>
    std::vector<std::string> lowers;  // diff folders, topmost first
    std::vector<UserMount> mounts;
    Fd pidfd;  // of its process; none: it does not run
    bool rootfs_read_only = false;
};

struct FileView {
    sys::PrivateTree tree;  // `mounts` only of a container that does not run
    std::string shown;
    bool rootfs_read_only = false;
};

// `writable`: of a container that does not run, and is not started before the view is dropped.
Result<FileView> open_view(FilePlan plan, bool writable);

// The folders of a container are made at its first start, or when its files are first looked at;
// one lost with the power is made again, empty as it was then. `top_diff`: of the topmost layer,
// which the root's owner and mode are taken from; may be empty.
Status ensure_folders(const std::string& folder, const std::string& top_diff);

// Its layers and what it has written, read-only and without anything that is mounted into it.
Result<Fd> mount_own_files(const FilePlan& plan);
// Only the layers: as it was created. An empty descriptor when there are none.
Result<Fd> mount_lowers(const FilePlan& plan);
// Only what it has written: overlayfs's upper folder.
Result<Fd> open_upper(const FilePlan& plan);

// Bytes of what it has written; `folder` is containers/<id>.
Result<std::uint64_t> written_bytes(std::string folder);

// A path as a client gave it: absolute and clean, with what says "a folder" kept at its end.
struct ArchivePath {
    std::string full;  // "/a/b", "/a/b/", "/a/b/."
    std::string name;  // its last element: "b", ".", "/"
};
ArchivePath archive_path(std::string_view path);

struct PathStat {
    std::string name;
    std::int64_t size = 0;
    std::uint32_t mode = 0;  // Go's FileMode
    Time modified;
    std::string link_target;  // of a link: where it leads, from the container's root
};

// The file itself (O_PATH), the last element not followed unless the path ends in "/" or "/.".
// missing as Docker says it; also for what lies in the kernel's own file systems.
Result<Fd> open_path(const FileView& view, const ArchivePath& path);
Result<PathStat> stat_path(const FileView& view, const ArchivePath& path);
// The path, links followed, of the folder an archive is to be unpacked in. denied when it must not
// be written to.
Result<std::string> find_target(const FileView& view, const ArchivePath& path);

// st_mode as os.FileMode counts its bits.
std::uint32_t go_file_mode(std::uint32_t st_mode);
// proc, sysfs, cgroups and their like: they show the host, and are no files of the container.
bool is_kernel_file_system(const Fd& fd);

}  // namespace engine
