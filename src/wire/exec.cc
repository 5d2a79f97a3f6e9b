#include "wire/exec.h"

namespace wire {

namespace {

constexpr json::Field config_fields[] = {
    json::field<&ExecConfig::user>("User", json::no_nul),
    json::field<&ExecConfig::privileged>("Privileged"),
    json::field<&ExecConfig::tty>("Tty"),
    json::field<&ExecConfig::console_size>("ConsoleSize", json::omit_empty),
    json::field<&ExecConfig::attach_stdin>("AttachStdin"),
    json::field<&ExecConfig::attach_stderr>("AttachStderr"),
    json::field<&ExecConfig::attach_stdout>("AttachStdout"),
    json::field<&ExecConfig::detach>("Detach"),
    json::field<&ExecConfig::detach_keys>("DetachKeys"),
    json::field<&ExecConfig::env>("Env", json::no_nul),
    json::field<&ExecConfig::working_dir>("WorkingDir", json::no_nul),
    json::field<&ExecConfig::cmd>("Cmd", json::no_nul),
};
constinit const json::Table config_table{config_fields};

constexpr json::Field created_fields[] = {
    json::field<&ExecCreated::id>("Id"),
};
constinit const json::Table created_table{created_fields};

constexpr json::Field start_fields[] = {
    json::field<&ExecStart::detach>("Detach"),
    json::field<&ExecStart::tty>("Tty"),
    json::field<&ExecStart::console_size>("ConsoleSize", json::omit_empty),
};
constinit const json::Table start_table{start_fields};

constexpr json::Field process_fields[] = {
    json::field<&ExecProcess::tty>("tty"),
    json::field<&ExecProcess::entrypoint>("entrypoint"),
    json::field<&ExecProcess::arguments>("arguments"),
    json::field<&ExecProcess::privileged>("privileged"),
    json::field<&ExecProcess::user>("user", json::omit_empty),
};
constinit const json::Table process_table{process_fields};

constexpr json::Field inspect_fields[] = {
    json::field<&ExecInspect::id>("ID"),
    json::field<&ExecInspect::running>("Running"),
    json::field<&ExecInspect::exit_code>("ExitCode"),
    json::field<&ExecInspect::process>("ProcessConfig"),
    json::field<&ExecInspect::open_stdin>("OpenStdin"),
    json::field<&ExecInspect::open_stderr>("OpenStderr"),
    json::field<&ExecInspect::open_stdout>("OpenStdout"),
    json::field<&ExecInspect::can_remove>("CanRemove"),
    json::field<&ExecInspect::container_id>("ContainerID"),
    json::field<&ExecInspect::detach_keys>("DetachKeys"),
    json::field<&ExecInspect::pid>("Pid"),
};
constinit const json::Table inspect_table{inspect_fields};

}  // namespace

const json::Table& json_table(const ExecConfig*) {
    return config_table;
}
const json::Table& json_table(const ExecCreated*) {
    return created_table;
}
const json::Table& json_table(const ExecStart*) {
    return start_table;
}
const json::Table& json_table(const ExecProcess*) {
    return process_table;
}
const json::Table& json_table(const ExecInspect*) {
    return inspect_table;
}

}  // namespace wire
