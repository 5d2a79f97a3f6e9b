#include "sys/image_xattr.h"

#include <algorithm>
#include <cerrno>
#include <sys/xattr.h>

namespace sys {

namespace {

constexpr std::size_t list_bytes_max = 64 * 1024;   // the kernel's own
constexpr std::size_t value_bytes_max = 64 * 1024;  // the same

bool has_none(int errno_value) {
    return errno_value == EOPNOTSUPP || errno_value == ENODATA || errno_value == ENOSYS;
}

}  // namespace

bool is_image_xattr(std::string_view name) {
    return name == "security.capability" ||
           (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

Result<Xattrs> read_image_xattrs(const Fd& file) {
    Xattrs out;
    ssize_t bytes = ::flistxattr(file.get(), nullptr, 0);
    if (bytes == 0 || (bytes < 0 && has_none(errno))) return out;
    std::string names(list_bytes_max, '\0');
    bytes = ::flistxattr(file.get(), names.data(), names.size());
    if (bytes < 0) return base::errno_error(errno, "list xattrs");
    std::string value;
    for (const char* name = names.data(); name < names.data() + bytes;
         name += std::string_view(name).size() + 1) {
        if (!is_image_xattr(name)) continue;
        value.resize(value_bytes_max);
        ssize_t got = ::fgetxattr(file.get(), name, value.data(), value.size());
        if (got < 0 && has_none(errno)) continue;  // gone by now
        if (got < 0) return base::errno_error(errno, std::string("get xattr ") + name);
        out.emplace_back(name, value.substr(0, static_cast<std::size_t>(got)));
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace sys
