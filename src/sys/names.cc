#include "sys/names.h"

#include "sys/file.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>

namespace sys {

Result<std::vector<std::string>> all_names(const Fd& folder) {
    TRY(Fd opened, open_at(folder, ".", O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(opened.get()), ::closedir);
    if (!listing) return base::errno_error(errno, "list a folder");
    (void)opened.release();
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* each = ::readdir(listing.get())) {
        std::string_view name = each->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return base::errno_error(errno, "list a folder");
    return names;
}

}  // namespace sys
