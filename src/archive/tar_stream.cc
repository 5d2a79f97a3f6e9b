#include "archive/tar_stream.h"

#include "codec/tar_write.h"
#include "sys/file.h"
#include "sys/image_xattr.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace archive {

namespace {

using codec::tar::Entry;
using codec::tar::Type;

// More links than this are written as files of their own.
constexpr std::size_t links_kept_max = 1'000'000;

Type type_of(std::uint32_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return Type::folder;
    case S_IFLNK:
        return Type::symlink;
    case S_IFCHR:
        return Type::char_device;
    case S_IFBLK:
        return Type::block_device;
    case S_IFIFO:
        return Type::fifo;
    default:
        return Type::file;
    }
}

// What O_PATH opened, for reading. A regular file or a folder: opening has no effect and does not
// wait.
Result<Fd> reopen(const Fd& file, const std::string& path) {
    std::string self = fmt::format("/proc/self/fd/{}", file.get());
    int fd = ::open(self.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return base::errno_error(errno, "open " + path);
    return Fd(fd);
}

}  // namespace

Result<std::size_t> TarStream::read(char* out, std::size_t capacity) {
    std::size_t filled = 0;
    while (filled < capacity) {
        if (pending_done_ < pending_.size()) {
            std::size_t size = std::min(pending_.size() - pending_done_, capacity - filled);
            std::memcpy(out + filled, pending_.data() + pending_done_, size);
            pending_done_ += size;
            filled += size;
        } else if (file_) {
            TRY(std::size_t got, read_content(out + filled, capacity - filled));
            filled += got;
        } else if (ended_) {
            break;
        } else {
            pending_.clear();
            pending_done_ = 0;
            TRY(bool more, next());
            if (more) continue;
            ended_ = true;
            pending_.assign(codec::tar::end_bytes, '\0');
        }
    }
    return filled;
}

// As many bytes as the header said: a file that grew is cut, one that shrank ends the archive, as
// nothing true can follow. Holes are not read.
Result<std::size_t> TarStream::read_content(char* out, std::size_t capacity) {
    std::size_t got = 0;
    std::size_t wanted = std::min<std::uint64_t>(file_size_ - file_done_, capacity);
    if (wanted > 0) {
        if (file_done_ >= data_end_) {
            off_t from = static_cast<off_t>(file_done_);
            off_t data = ::lseek(file_.get(), from, SEEK_DATA);
            off_t hole = data < 0 ? -1 : ::lseek(file_.get(), data, SEEK_HOLE);
            // ENXIO: nothing but a hole up to the end. A file system without holes reads on.
            if (data < 0 && errno == ENXIO) {
                struct stat info {};
                if (::fstat(file_.get(), &info) != 0)
                    return base::errno_error(errno, "stat " + file_path_);
                data_begin_ = data_end_ =
                    std::min(file_size_, static_cast<std::uint64_t>(info.st_size));
            } else {
                data_begin_ = data < 0 ? file_done_ : static_cast<std::uint64_t>(data);
                data_end_ = hole < 0 ? file_size_ : static_cast<std::uint64_t>(hole);
            }
        }
        if (file_done_ < data_begin_) {
            got = std::min<std::uint64_t>(wanted, data_begin_ - file_done_);
            std::memset(out, 0, got);
        } else {
            ssize_t done = 0;
            do {
                done = ::pread(file_.get(), out, wanted, static_cast<off_t>(file_done_));
            } while (done < 0 && errno == EINTR);
            if (done < 0) return base::errno_error(errno, "read " + file_path_);
            if (done == 0)
                return Error(Kind::internal,
                             fmt::format("{} became shorter while it was read", file_path_));
            got = static_cast<std::size_t>(done);
        }
        file_done_ += got;
    }
    if (file_done_ == file_size_) {
        file_.reset();
        pending_.assign(codec::tar::padding_bytes(file_size_), '\0');
        pending_done_ = 0;
    }
    return got;
}

Status TarStream::put(const Entry& entry) {
    TRY(pending_, codec::tar::header(entry));
    return {};
}

Status TarStream::put(const Fd& file, const struct stat& info, const std::string& path) {
    if (S_ISSOCK(info.st_mode)) return {};
    Entry entry;
    entry.path = path;
    entry.type = type_of(info.st_mode);
    entry.mode = info.st_mode & 07777;
    entry.uid = info.st_uid;
    entry.gid = info.st_gid;
    entry.modified.seconds = info.st_mtim.tv_sec;  // Docker's archives have whole seconds
    if (entry.type == Type::char_device || entry.type == Type::block_device) {
        entry.device_major = major(info.st_rdev);
        entry.device_minor = minor(info.st_rdev);
    } else if (entry.type == Type::symlink) {
        char target[PATH_MAX];
        ssize_t size = ::readlinkat(file.get(), "", target, sizeof target);
        if (size < 0) return base::errno_error(errno, "readlink " + path);
        entry.link.assign(target, static_cast<std::size_t>(size));
    }
    if (info.st_nlink > 1 && entry.type != Type::folder) {
        auto first = linked_.find({info.st_dev, info.st_ino});
        if (first != linked_.end()) {
            entry.type = Type::hard_link;
            entry.link = first->second;
        } else if (linked_.size() < links_kept_max) {
            linked_.emplace(std::pair(info.st_dev, info.st_ino), path);
        }
    }
    Fd content;
    if (entry.type == Type::file || entry.type == Type::folder) {
        TRY(content, reopen(file, path));
        TRY(entry.xattrs, sys::read_image_xattrs(content).context(path));
    }
    if (entry.type == Type::file) {
        struct stat now {};
        if (::fstat(content.get(), &now) != 0) return base::errno_error(errno, "stat " + path);
        entry.size = static_cast<std::uint64_t>(now.st_size);
    }
    TRY_DO(put(entry));
    if (entry.size == 0) return {};
    file_ = std::move(content);
    file_path_ = path;
    file_size_ = entry.size;
    file_done_ = data_begin_ = data_end_ = 0;
    return {};
}

}  // namespace archive
