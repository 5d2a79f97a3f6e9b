// POST /containers/{name}/attach: the hijacked connection of `run` and `attach`.
#include "engine/attach.h"

#include "api/containers.h"
#include "api/media_types.h"
#include "api/status.h"
#include "codec/detach_keys.h"

namespace api {

namespace {

Task<Result<std::unique_ptr<engine::Attached>>> open(engine::Engine& engine, std::string name,
                                                     http::Request& request, bool& framed) {
    engine::AttachOptions options;
    const http::Query& query = request.query();
    options.in = query.flag("stdin");
    options.out = query.flag("stdout");
    options.err = query.flag("stderr");
    options.logs = query.flag("logs");
    options.stream = query.flag("stream");
    CO_TRY(options.detach_keys, codec::parse_detach_keys(query.text("detachKeys")));
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    framed = options.framed = !container->record.config.tty;
    co_return co_await engine::Attached::open(engine.containers, std::move(container),
                                              std::move(options));
}

}  // namespace

Task<Result<http::Reply>> container_attach(engine::Engine& engine, std::string name,
                                           http::Request& request) {
    bool framed = false;
    auto attached = co_await open(engine, std::move(name), request, framed);
    // Docker answers failures of attach as text on what would be the stream.
    if (!attached)
        co_return http::Reply(status_of(attached.error().kind()), std::string(raw_type),
                              attached.error().message() + "\r\n");
    std::string type(stream_type(framed, request.version()));
    CO_TRY(Stream * client, co_await request.hijack(std::move(type)));
    CO_TRY_DO(co_await (*attached)->run(*client));
    co_return http::Reply::sent();
}

}  // namespace api
