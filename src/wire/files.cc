#include "wire/files.h"

namespace wire {

namespace {

constexpr json::Field path_stat_fields[] = {
    json::field<&PathStat::name>("name"),
    json::field<&PathStat::size>("size"),
    json::field<&PathStat::mode>("mode"),
    json::field<&PathStat::mtime>("mtime"),
    json::field<&PathStat::link_target>("linkTarget"),
};
constinit const json::Table path_stat_table{path_stat_fields};

constexpr json::Field change_fields[] = {
    json::field<&FilesystemChange::path>("Path"),
    json::field<&FilesystemChange::kind>("Kind"),
};
constinit const json::Table change_table{change_fields};

}  // namespace

const json::Table& json_table(const PathStat*) {
    return path_stat_table;
}
const json::Table& json_table(const FilesystemChange*) {
    return change_table;
}

}  // namespace wire
