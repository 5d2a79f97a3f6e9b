#include "engine/kept_files.h"

#include "sys/file.h"

#include <cerrno>
#include <unistd.h>

namespace engine {

Status write_kept(const std::string& folder, const std::string& name, std::string_view text) {
    TRY(Fd fd, sys::open_folder(folder));
    return sys::replace_file(fd, name, text, 0600);
}

Status drop_kept(const std::string& folder, const std::string& name) {
    TRY(Fd fd, sys::open_folder(folder));
    if (::unlinkat(fd.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        return base::errno_error(errno, "remove " + folder + "/" + name);
    return {};
}

Result<std::vector<KeptFile>> read_kept(const std::string& folder, std::size_t bytes_max) {
    TRY_DO(sys::make_folders(folder, 0700));
    TRY(Fd fd, sys::open_folder(folder));
    TRY(std::vector<std::string> names, sys::list_names(fd));
    std::vector<KeptFile> out;
    for (const std::string& name : names) {
        auto text = sys::read_file(folder + "/" + name, bytes_max);
        out.push_back({name, text ? std::move(*text) : std::string()});
    }
    return out;
}

}  // namespace engine
