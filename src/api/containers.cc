#include "api/containers.h"

#include "api/body.h"
#include "api/container_view.h"
#include "api/create_body.h"
#include "api/status.h"
#include "api/validate.h"
#include "api/versions.h"
#include "engine/signals.h"

#include <charconv>
#include <csignal>
#include <fmt/format.h>
#include <thread>

namespace api {

namespace {

// t and signal of stop and restart.
Result<engine::StopOrder> stop_order(const http::Request& request) {
    constexpr http::Version signal_heard{1, 42};
    engine::StopOrder order;
    if (std::string text = request.query().text("t"); !text.empty()) {
        TRY(order.timeout_s, request.query().number_or("t", 0));
    }
    if (request.version() >= signal_heard) {
        order.signal = request.query().text("signal");
        if (!order.signal.empty()) TRY_DO(engine::parse_signal(order.signal));
    }
    return order;
}

}  // namespace

Result<unsigned> window_size(const http::Request& request, std::string_view name) {
    std::string text = request.query().text(name);
    std::uint32_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return Error(Kind::invalid, fmt::format("invalid resize {} {:?}: invalid syntax",
                                                name == "h" ? "height" : "width", text));
    return value;
}

Task<Result<http::Reply>> container_create(engine::Engine& engine, http::Request& request) {
    CO_TRY(std::string text, co_await json_body(request));
    engine::CreateOrder order;
    CO_TRY(order.wanted, read_create(text, request.version()));
    order.name = request.query().text("name");
    order.platform = request.query().text("platform");
    CO_TRY_DO(check_create(order.wanted, std::thread::hardware_concurrency()));
    CO_TRY(engine::Created created, co_await shield(engine.containers.create(std::move(order))));
    wire::ContainerCreated out;
    out.id = std::move(created.id);
    out.warnings = std::move(created.warnings);
    co_return json_text_reply(201, json::write(out));
}

Task<Result<http::Reply>> container_inspect(engine::Engine& engine, std::string name,
                                            const http::Request& request) {
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    wire::ContainerInspect out =
        inspect_view(*container, surroundings_of(engine, *container), request.version());
    if (request.query().flag("size")) {
        CO_TRY(engine::ContainerSizes sizes, co_await engine.containers.sizes(container));
        out.size_rw = sizes.writable;
        out.size_root_fs = sizes.all;
    }
    co_return json_text_reply(200, json::write(out));
}

Task<Result<http::Reply>> container_start(engine::Engine& engine, std::string name,
                                          http::Request& request) {
    // Docker took a HostConfig here once; what is longer than "{}" and spaces is refused.
    constexpr std::size_t body_bytes_max = 7;
    CO_TRY(Slice body, co_await request.body().read_all(limits::json_body_bytes_max));
    if (body.size() > body_bytes_max)
        co_return Error(Kind::invalid,
                        "starting container with non-empty request body was deprecated since API "
                        "v1.22 and removed in v1.24");
    if (!request.query().text("checkpoint").empty())
        co_return Error(Kind::unsupported, "checkpoints are not implemented by this engine yet");
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    CO_TRY_DO(co_await engine.containers.start(std::move(container)));
    co_return http::Reply(204);
}

Task<Result<http::Reply>> container_stop(engine::Engine& engine, std::string name,
                                         const http::Request& request) {
    CO_TRY(engine::StopOrder order, stop_order(request));
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    CO_TRY_DO(co_await shield(engine.containers.stop(std::move(container), std::move(order))));
    co_return http::Reply(204);
}

Task<Result<http::Reply>> container_restart(engine::Engine& engine, std::string name,
                                            const http::Request& request) {
    CO_TRY(engine::StopOrder order, stop_order(request));
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    CO_TRY_DO(co_await shield(engine.containers.restart(std::move(container), std::move(order))));
    co_return http::Reply(204);
}

Task<Result<http::Reply>> container_kill(engine::Engine& engine, std::string name,
                                         const http::Request& request) {
    auto kill = [&]() -> Task<Status> {
        std::string text = request.query().text("signal");
        CO_TRY(int signal, text.empty() ? Result<int>(SIGKILL) : engine::parse_signal(text));
        CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
        co_return co_await shield(engine.containers.kill(std::move(container), signal));
    };
    Status killed = co_await kill();
    if (!killed)
        co_return std::move(killed).error().context("cannot kill container: " + name);
    co_return http::Reply(204);
}

Task<Result<http::Reply>> container_wait(engine::Engine& engine, std::string name,
                                         http::Request& request) {
    std::string text = request.query().text("condition");
    engine::WaitFor condition = engine::WaitFor::not_running;
    if (text == "next-exit")
        condition = engine::WaitFor::next_exit;
    else if (text == "removed")
        condition = engine::WaitFor::removed;
    else if (!text.empty() && text != "not-running")
        co_return Error(Kind::invalid, fmt::format("invalid condition: {:?}", text));
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    // Clients start the container when they have seen the head: what they wait for must not be
    // missed in between.
    std::uint64_t seen = container->exits;
    http::Headers headers;
    add_common_headers(headers);
    http::ReplyStream& out = request.stream(200, "application/json", std::move(headers));
    CO_TRY_DO(co_await out.flush());
    CO_TRY(std::int64_t code, co_await engine.containers.wait(container, condition, seen));
    wire::WaitResponse response;
    response.status_code = code;
    CO_TRY_DO(co_await out.write(json::write(response) + "\n"));
    co_return http::Reply::sent();
}

Task<Result<http::Reply>> container_delete(engine::Engine& engine, std::string name,
                                           const http::Request& request) {
    if (request.query().flag("link"))
        co_return Error(Kind::unsupported, "links are not implemented by this engine yet");
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    CO_TRY_DO(co_await engine.containers.remove(std::move(container), request.query().flag("force"),
                                                request.query().flag("v")));
    co_return http::Reply(204);
}

Task<Result<http::Reply>> container_rename(engine::Engine& engine, std::string name,
                                           const http::Request& request) {
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    CO_TRY_DO(
        co_await engine.containers.rename(std::move(container), request.query().text("name")));
    co_return http::Reply(204);
}

Result<http::Reply> container_resize(engine::Engine& engine, const std::string& name,
                                     const http::Request& request) {
    TRY(unsigned height, window_size(request, "h"));
    TRY(unsigned width, window_size(request, "w"));
    TRY(engine::ContainerPtr container, engine.containers.find(name));
    TRY_DO(engine.containers.resize(*container, height, width));
    return http::Reply(200);
}

}  // namespace api
