#include "engine/exec_record.h"

#include "engine/kept_files.h"

namespace engine {

namespace {

constexpr std::size_t exec_bytes_max = 5 * 1024 * 1024;  // a request's body, escaped anew

constexpr json::Field record_fields[] = {
    json::field<&ExecRecord::id>("Id"),
    json::field<&ExecRecord::container_id>("ContainerId"),
    json::field<&ExecRecord::config>("Config"),
    json::field<&ExecRecord::check>("Check", json::omit_empty),
    json::field<&ExecRecord::started>("Started"),
    json::field<&ExecRecord::exit_code>("ExitCode"),
    json::field<&ExecRecord::ended_at>("EndedAt"),
};
constinit const json::Table record_table{record_fields};

}  // namespace

const json::Table& json_table(const ExecRecord*) {
    return record_table;
}

Status check_command(const wire::ExecConfig& config) {
    if (!config.cmd.empty() && !config.cmd[0].empty()) return {};
    return Error(Kind::invalid, "No exec command specified");
}

Result<std::vector<ExecRecord>> read_execs(const std::string& folder) {
    TRY(std::vector<KeptFile> files, read_kept(folder, exec_bytes_max));
    std::vector<ExecRecord> out;
    for (const KeptFile& file : files) {
        auto record = json::read<ExecRecord>(file.text);
        if (record && record->id == file.name && !record->check && check_command(record->config))
            out.push_back(std::move(*record));
        else  // half written by a crash; a check's, which is ended and made anew
            TRY_DO(drop_kept(folder, file.name));
    }
    return out;
}

}  // namespace engine
