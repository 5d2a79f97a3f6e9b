#include "store/containers.h"

#include "base/log.h"
#include "sys/file.h"

namespace store {

namespace {
constexpr const char* copy_name = "container.json";
}

Result<std::unique_ptr<Containers>> Containers::open(const std::string& data_root,
                                                     Database& database) {
    std::string path = data_root + "/containers";
    std::unique_ptr<Containers> containers(new Containers(path, database));
    if (!database.set_aside()) return containers;
    TRY(Fd folder, sys::open_folder(path));
    TRY(std::vector<std::string> names, sys::list_names(folder));
    for (const std::string& name : names) {
        auto text = sys::read_file(path + "/" + name + "/" + copy_name, record_bytes_max);
        if (text) TRY_DO(database.put(Table::containers, name, std::move(*text)));
    }
    return containers;
}

Status Containers::put(const std::string& id, std::string json) {
    // Without fsync: the copy only matters when the database is lost, and then an older one will
    // do.
    Result<Fd> folder = sys::open_folder(folder_ + "/" + id);
    Status copied =
        folder ? sys::replace_file(*folder, copy_name, json, 0600) : Status(folder.error());
    if (!copied) base::log::debug("no copy of a container's record: {}", copied.error().message());
    return database_.put(Table::containers, id, std::move(json));
}

Status Containers::remove(const std::string& id) {
    return database_.remove(Table::containers, id);
}

Result<std::vector<Record>> Containers::list() const {
    return database_.list(Table::containers);
}

}  // namespace store
