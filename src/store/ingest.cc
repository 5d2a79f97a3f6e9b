#include "store/ingest.h"

#include "base/time.h"
#include "store/sha256.h"
#include "sys/file.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

namespace store {

namespace {
constexpr std::size_t replay_bytes = 256 * 1024;
constexpr std::size_t validator_bytes_max = 1024;
constexpr const char* validator_suffix = ".etag";
constexpr std::int64_t new_ns = 30'000'000'000;  // after that the kernel begins to flush by itself
}  // namespace

Status Part::set_validator(std::string validator) {
    if (validator.size() > validator_bytes_max) validator.clear();
    validator_ = std::move(validator);
    return sys::replace_file(folder_, name_ + validator_suffix, validator_, 0600);
}

Status Part::append(std::string_view bytes) {
    while (!bytes.empty() && !given_up_) {
        ssize_t done = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && (errno == ENOSPC || errno == EDQUOT)) return give_up();
        if (done < 0) return base::errno_error(errno, "write " + name_);
        size_ += static_cast<std::uint64_t>(done);
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

Status Part::replay(const std::function<Status(std::string_view)>& output) const {
    std::string buffer(replay_bytes, '\0');
    for (std::uint64_t at = 0; at < size_;) {
        ssize_t got = ::pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read " + name_);
        if (got == 0) return Error(Kind::internal, fmt::format("{} got shorter", name_));
        TRY_DO(output(std::string_view(buffer).substr(0, static_cast<std::size_t>(got))));
        at += static_cast<std::uint64_t>(got);
    }
    return {};
}

Result<std::string> Part::read(std::uint64_t offset, std::size_t size) const {
    std::string bytes(size, '\0');
    for (std::size_t at = 0; at < size;) {
        ssize_t got =
            ::pread(file_.get(), bytes.data() + at, size - at, static_cast<off_t>(offset + at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read " + name_);
        if (got == 0) return Error(Kind::internal, fmt::format("{} is too short", name_));
        at += static_cast<std::size_t>(got);
    }
    return bytes;
}

Status Part::reset() {
    if (::ftruncate(file_.get(), 0) != 0) return base::errno_error(errno, "empty " + name_);
    size_ = 0;
    return set_validator("");
}

Status Part::give_up() {
    given_up_ = true;
    return reset();
}

void Part::drop() {
    ::unlinkat(folder_.get(), name_.c_str(), 0);
    ::unlinkat(folder_.get(), (name_ + validator_suffix).c_str(), 0);
}

void Part::drop_if_new() {
    if (begun_ns_ == 0 || base::monotonic_ns() - begun_ns_ > new_ns) return;
    // The file is open: its pages would be flushed although it has no name any more.
    if (::ftruncate(file_.get(), 0) == 0) size_ = 0;
    drop();
}

Result<std::unique_ptr<Ingest>> Ingest::open(const std::string& data_root) {
    TRY_DO(sys::make_folders(data_root + "/ingest", 0700));
    TRY(Fd folder, sys::open_folder(data_root + "/ingest"));
    return std::unique_ptr<Ingest>(new Ingest(std::move(folder)));
}

Result<Part> Ingest::part(std::string_view digest) {
    TRY(std::string hex, digest_hex(digest));
    Part part;
    part.name_ = hex + ".part";
    TRY(part.folder_, folder_.duplicate());
    TRY(part.file_, sys::open_at(folder_, part.name_, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (!sys::lock_exclusively(part.file_))
        return Error(Kind::conflict, fmt::format("layer {} is being downloaded already", digest));
    struct stat info {};
    if (::fstat(part.file_.get(), &info) != 0)
        return base::errno_error(errno, "stat " + part.name_);
    part.size_ = static_cast<std::uint64_t>(info.st_size);
    if (part.size_ == 0) part.begun_ns_ = base::monotonic_ns();
    if (Result<Fd> file =
            sys::open_at(folder_, part.name_ + validator_suffix, O_RDONLY | O_NOFOLLOW))
        if (Result<std::string> text = sys::read_all(*file, validator_bytes_max))
            part.validator_ = *text;
    return part;
}

std::uint64_t Ingest::bytes_of(const std::vector<std::string>& digests) const {
    std::uint64_t bytes = 0;
    for (const std::string& digest : digests) {
        Result<std::string> hex = digest_hex(digest);
        struct stat info {};
        if (hex &&
            ::fstatat(folder_.get(), (*hex + ".part").c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
            bytes += static_cast<std::uint64_t>(info.st_size);
    }
    return bytes;
}

void Ingest::drop(std::string_view digest) {
    Result<std::string> hex = digest_hex(digest);
    if (!hex) return;
    ::unlinkat(folder_.get(), (*hex + ".part").c_str(), 0);
    ::unlinkat(folder_.get(), (*hex + ".part" + validator_suffix).c_str(), 0);
}

Status Ingest::sweep(std::int64_t age_seconds) {
    TRY(std::vector<std::string> names, sys::list_names(folder_));
    std::int64_t oldest = base::now().seconds() - age_seconds;
    for (const std::string& name : names) {
        struct stat info {};
        if (::fstatat(folder_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            (age_seconds == 0 || info.st_mtime < oldest))
            ::unlinkat(folder_.get(), name.c_str(), 0);
    }
    return {};
}

}  // namespace store
