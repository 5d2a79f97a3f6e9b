#include "api/exec.h"

#include "api/body.h"
#include "api/containers.h"
#include "api/media_types.h"
#include "api/status.h"
#include "api/versions.h"
#include "codec/base64.h"
#include "codec/detach_keys.h"

#include <fmt/format.h>

namespace api {

namespace {

constexpr http::Version size_heard{1, 42};

// Height and width, each of 16 bits as a terminal has them.
Status check_size(const wire::ConsoleSize& size) {
    if (size.empty()) return {};
    if (size.size() != 2 || size[0] > UINT16_MAX || size[1] > UINT16_MAX)
        return Error(Kind::invalid, "invalid ConsoleSize: must be [height, width]");
    return {};
}

}  // namespace

Result<wire::ExecConfig> read_exec_config(std::string_view text, http::Version version) {
    wire::ExecConfig config;
    if (!text.empty()) {
        TRY(config, json::read<wire::ExecConfig>(text));
    }
    TRY_DO(engine::check_command(config));
    if (version < size_heard || !config.tty) config.console_size.clear();
    TRY_DO(check_size(config.console_size));
    if (auto keys = codec::parse_detach_keys(config.detach_keys); !keys)
        return Error(Kind::invalid,
                     fmt::format("Invalid escape keys ({}) provided", config.detach_keys));
    return config;
}

Result<wire::ExecStart> read_exec_start(std::string_view text, http::Version version) {
    wire::ExecStart start;
    if (!text.empty()) {
        TRY(start, json::read<wire::ExecStart>(text));
    }
    if (version < size_heard || !start.tty) start.console_size.clear();
    TRY_DO(check_size(start.console_size));
    return start;
}

Task<Result<http::Reply>> exec_create(engine::Engine& engine, std::string name,
                                      http::Request& request) {
    CO_TRY(std::string text, co_await json_body(request));
    CO_TRY(wire::ExecConfig config, read_exec_config(text, request.version()));
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    wire::ExecCreated out;
    CO_TRY(out.id, co_await engine.execs.create(std::move(container), std::move(config)));
    co_return json_text_reply(201, json::write(out));
}

Task<Result<http::Reply>> exec_start(engine::Engine& engine, std::string id,
                                     http::Request& request) {
    CO_TRY(std::string text, co_await json_body(request));
    CO_TRY(wire::ExecStart start, read_exec_start(text, request.version()));
    CO_TRY(engine::ExecPtr exec, engine.execs.find_running(id));
    if (start.detach) {
        CO_TRY_DO(
            co_await shield(engine.execs.start(std::move(exec), std::move(start.console_size))));
        co_return http::Reply(200);
    }
    bool framed = !start.tty;
    http::Headers headers;
    add_common_headers(headers);
    std::string type(stream_type(request.wants_upgrade() && framed, request.version()));
    CO_TRY(Stream * client, co_await request.hijack(std::move(type), std::move(headers)));
    CO_TRY_DO(co_await engine.execs.start_attached(std::move(exec), std::move(start.console_size),
                                                   framed, *client));
    co_return http::Reply::sent();
}

Task<Result<http::Reply>> exec_resize(engine::Engine& engine, std::string id,
                                      const http::Request& request) {
    CO_TRY(unsigned height, window_size(request, "h"));
    CO_TRY(unsigned width, window_size(request, "w"));
    CO_TRY(engine::ExecPtr exec, engine.execs.find_running(id));
    CO_TRY_DO(co_await engine.execs.resize(std::move(exec), height, width));
    co_return http::Reply(200);
}

Result<http::Reply> exec_inspect(engine::Engine& engine, const std::string& id) {
    TRY(engine::ExecPtr exec, engine.execs.find(id));
    const wire::ExecConfig& config = exec->record.config;
    wire::ExecInspect out;
    out.id = exec->id();
    out.running = exec->running;
    out.exit_code = exec->record.exit_code;
    out.process.tty = config.tty;
    out.process.entrypoint = config.cmd[0];
    out.process.arguments.assign(config.cmd.begin() + 1, config.cmd.end());
    out.process.privileged = config.privileged;
    out.process.user = config.user;
    out.open_stdin = config.attach_stdin;
    out.open_stdout = config.attach_stdout;
    out.open_stderr = config.attach_stderr;
    out.container_id = exec->record.container_id;
    if (!config.detach_keys.empty()) {
        TRY(std::string keys, codec::parse_detach_keys(config.detach_keys));
        out.detach_keys = codec::base64(keys);
    }
    out.pid = exec->pid;
    return json_text_reply(200, json::write(out));
}

}  // namespace api
