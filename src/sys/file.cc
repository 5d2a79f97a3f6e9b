#include "sys/file.h"

#include "base/hex.h"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <fts.h>
#include <linux/openat2.h>
#include <memory>
#include <set>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <vector>

namespace sys {

namespace {

Result<Fd> open_resolving(int root, const std::string& path, int flags, unsigned mode,
                          std::uint64_t resolve) {
    struct open_how how {};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
    how.resolve = resolve;
    const char* name = path.empty() ? "." : path.c_str();
    for (int attempt = 0;; ++attempt) {
        long fd = ::syscall(SYS_openat2, root, name, &how, sizeof how);
        if (fd >= 0) return Fd(static_cast<int>(fd));
        // EAGAIN: a rename elsewhere raced with the walk (openat2(2)); it is not an answer.
        if (errno == EINTR || (errno == EAGAIN && attempt < 100)) continue;
        return base::errno_error(errno, fmt::format("open {}", path));
    }
}

Status write_temporary(const Fd& folder, const std::string& name, std::string_view bytes,
                       unsigned mode, bool durable) {
    std::string temporary = fmt::format(".{}.{}", name, base::random_id().substr(0, 12));
    TRY(Fd file, open_at(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    Status done = write_all(file, bytes, name);
    if (done && ::fchmod(file.get(), mode) != 0) done = base::errno_error(errno, "chmod " + name);
    if (done && durable && ::fsync(file.get()) != 0)
        done = base::errno_error(errno, "fsync " + name);
    if (done && ::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0)
        done = base::errno_error(errno, "rename to " + name);
    if (!done) {
        ::unlinkat(folder.get(), temporary.c_str(), 0);
        return done;
    }
    if (durable) {
        // The folder may be an O_PATH descriptor, which fsync refuses.
        TRY(Fd opened, open_at(folder, ".", O_RDONLY | O_DIRECTORY));
        if (::fsync(opened.get()) != 0)
            return base::errno_error(errno, "fsync the folder of " + name);
    }
    return {};
}

}  // namespace

Result<Fd> open_beneath(const Fd& root, const std::string& path, int flags, unsigned mode) {
    return open_resolving(root.get(), path, flags, mode,
                          RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Result<Fd> open_in_root(const Fd& root, const std::string& path, int flags, unsigned mode) {
    return open_resolving(root.get(), path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<Fd> open_folder(const std::string& path) {
    int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return base::errno_error(errno, fmt::format("open {}", path));
    return Fd(fd);
}

Result<Fd> open_at(const Fd& folder, const std::string& name, int flags, unsigned mode) {
    int fd = ::openat(folder.get(), name.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) return base::errno_error(errno, fmt::format("open {}", name));
    return Fd(fd);
}

Result<std::string> read_all(const Fd& file, std::size_t bytes_max) {
    std::string text;
    char buffer[16 * 1024];
    for (;;) {
        ssize_t got = ::read(file.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read");
        if (got == 0) return text;
        if (text.size() + static_cast<std::size_t>(got) > bytes_max)
            return Error(Kind::too_large, fmt::format("file is larger than {} bytes", bytes_max));
        text.append(buffer, static_cast<std::size_t>(got));
    }
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return base::errno_error(errno, fmt::format("open {}", path));
    return read_all(Fd(fd), bytes_max).context(path);
}

Status write_all(const Fd& file, std::string_view bytes, std::string_view what) {
    while (!bytes.empty()) {
        ssize_t done = ::write(file.get(), bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return base::errno_error(errno, fmt::format("write {}", what));
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

Status replace_durably(const Fd& folder, const std::string& name, std::string_view bytes,
                       unsigned mode) {
    return write_temporary(folder, name, bytes, mode, true);
}

Status replace_file(const Fd& folder, const std::string& name, std::string_view bytes,
                    unsigned mode) {
    return write_temporary(folder, name, bytes, mode, false);
}

Status make_folders(const std::string& path, unsigned mode) {
    for (std::size_t at = 1; at != std::string::npos && at <= path.size();) {
        at = path.find('/', at);
        std::string part = path.substr(0, at);
        if (::mkdir(part.c_str(), mode) == 0)
            (void)::chmod(part.c_str(), mode);
        else if (errno != EEXIST)
            return base::errno_error(errno, "mkdir " + part);
        if (at != std::string::npos) ++at;
    }
    return {};
}

Result<std::vector<std::string>> list_names(const Fd& folder) {
    // Opened anew: O_PATH descriptors cannot be read, and the caller's position stays.
    TRY(Fd opened, open_at(folder, ".", O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(opened.get()), ::closedir);
    if (!entries) return base::errno_error(errno, "read folder");
    (void)opened.release();
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(entries.get()))
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    if (errno != 0) return base::errno_error(errno, "read folder");
    return names;
}

Status lock_exclusively(const Fd& file) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(file.get(), F_OFD_SETLK, &lock) == 0) return {};
    if (errno == EAGAIN || errno == EACCES)
        return Error(Kind::conflict, "locked by another process");
    return base::errno_error(errno, "lock");
}

namespace {

// One folder on the way down. Only the deepest few are open: images may nest folders deeper than a
// process may have descriptors, or a thread's stack could recurse.
struct Level {
    std::string name;
    dev_t device = 0;
    ino_t inode = 0;
    std::unique_ptr<DIR, int (*)(DIR*)> entries{nullptr, ::closedir};
    bool again = false;  // its entries were read twice
};
constexpr std::size_t levels_open_max = 16;

Status adopt(Level& level, Fd folder) {
    struct stat status {};
    if (::fstat(folder.get(), &status) != 0)
        return base::errno_error(errno, "stat folder " + level.name);
    level.device = status.st_dev;
    level.inode = status.st_ino;
    level.entries.reset(::fdopendir(folder.get()));
    if (!level.entries) return base::errno_error(errno, "read folder " + level.name);
    (void)folder.release();
    return {};
}

class Removal {
public:
    explicit Removal(const Fd& folder) : folder_(folder) {}

    Status enter(const std::string& child) {
        // A mount below would lose what is in it before the kernel refused to remove its folder.
        TRY(Fd opened,
            open_resolving(parent_of(levels_.size()), child, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
        Level level{.name = child};
        TRY_DO(adopt(level, std::move(opened)));
        levels_.push_back(std::move(level));
        if (levels_.size() > levels_open_max)
            levels_[levels_.size() - 1 - levels_open_max].entries.reset();
        return {};
    }

    // Takes one entry away or enters it; at the end of a folder removes that.
    Status step() {
        Level& level = levels_.back();
        errno = 0;
        const dirent* entry = ::readdir(level.entries.get());
        if (entry == nullptr) {
            if (errno != 0) return base::errno_error(errno, "read folder " + level.name);
            return leave();
        }
        std::string child = entry->d_name;
        if (child == "." || child == "..") return {};
        if (entry->d_type != DT_DIR) {
            if (::unlinkat(::dirfd(level.entries.get()), child.c_str(), 0) == 0 || errno == ENOENT)
                return {};
            if (errno != EISDIR) return base::errno_error(errno, "remove " + child);
        }
        return enter(child);
    }
    bool done() const { return levels_.empty(); }

private:
    // The descriptor of the folder that level `depth` is in.
    int parent_of(std::size_t depth) const {
        return depth == 0 ? folder_.get() : ::dirfd(levels_[depth - 1].entries.get());
    }

    Status leave() {
        TRY_DO(reopen_parent());
        Level& level = levels_.back();
        if (::unlinkat(parent_of(levels_.size() - 1), level.name.c_str(), AT_REMOVEDIR) != 0 &&
            errno != ENOENT) {
            // What appeared, or what the file system passed over while entries went away.
            if (errno != ENOTEMPTY || level.again)
                return base::errno_error(errno, "remove folder " + level.name);
            level.again = true;
            ::rewinddir(level.entries.get());
            return {};
        }
        levels_.pop_back();
        return {};
    }

    Status reopen_parent() {
        if (levels_.size() < 2) return {};
        Level& parent = levels_[levels_.size() - 2];
        if (parent.entries) return {};
        int fd = ::openat(::dirfd(levels_.back().entries.get()), "..",
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return base::errno_error(errno, "open folder " + parent.name);
        Level seen{.name = parent.name};
        TRY_DO(adopt(seen, Fd(fd)));
        // Somebody moved the folder out while we were below it.
        if (seen.device != parent.device || seen.inode != parent.inode)
            return Error(Kind::conflict,
                         "folder " + parent.name + " was moved while being removed");
        parent.entries = std::move(seen.entries);
        return {};
    }

    const Fd& folder_;
    std::vector<Level> levels_;
};

}  // namespace

Status remove_tree(const Fd& folder, const std::string& name) {
    if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return base::errno_error(errno, "remove " + name);
    Removal removal(folder);
    TRY_DO(removal.enter(name));
    while (!removal.done())
        TRY_DO(removal.step());
    return {};
}

Result<std::uint64_t> tree_bytes(const std::string& path) {
    // fts(3) keeps one descriptor and bounded memory whatever the depth.
    std::string start = path;
    char* const roots[] = {start.data(), nullptr};
    std::unique_ptr<FTS, int (*)(FTS*)> walk(
        ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr), ::fts_close);
    if (!walk) return base::errno_error(errno, "walk " + path);
    std::uint64_t bytes = 0;
    std::set<std::pair<dev_t, ino_t>> linked;
    while (FTSENT* entry = ::fts_read(walk.get())) {
        bool file = entry->fts_info == FTS_F || entry->fts_info == FTS_SL ||
                    entry->fts_info == FTS_SLNONE || entry->fts_info == FTS_DEFAULT;
        if (!file) continue;
        const struct stat& info = *entry->fts_statp;
        if (info.st_nlink > 1 && !linked.emplace(info.st_dev, info.st_ino).second) continue;
        bytes += static_cast<std::uint64_t>(info.st_size);
    }
    return bytes;
}

}  // namespace sys
