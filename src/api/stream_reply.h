// Answers that blocking calls make on a worker while they are sent: archives and long lists.
#pragma once

#include "api/versions.h"
#include "http/message.h"
#include "loop/worker_source.h"

#include <string>
#include <utility>

namespace api {

// What fails before the first byte still has a status of its own; later the connection ends without
// the end of the body. `source` ends on a worker.
template <class Source>
Task<Result<http::Reply>> stream_reply(Workers& workers, Source from, http::Request& request,
                                       std::string content_type, http::Headers headers = {}) {
    Scope scope(workers.loop(), co_await loop::this_stop());
    WorkerSource<Source> source(workers, scope, std::move(from));
    http::ReplyStream* out = nullptr;
    Status status;
    for (;;) {
        auto piece = co_await source.read();
        if (!piece) status = piece.error();
        if (!piece || piece->empty()) break;
        if (out == nullptr) {
            add_common_headers(headers);
            out = &request.stream(200, content_type, std::move(headers));
        }
        status = co_await out->write(std::move(*piece));
        if (!status) break;
    }
    co_await scope.close();
    Task<Status> dropping = workers.run(
        loop::Lane::heavy, [](Source gone) { return Status(); }, std::move(source.source()));
    (void)co_await loop::shield(std::move(dropping));
    if (!status) co_return status.error();
    co_return http::Reply::sent();
}

// A request's body for what takes it piece by piece.
inline loop::ByteSource body_of(http::Request& request) {
    return [&request]() -> Task<Result<Slice>> { return request.body().read(); };
}

}  // namespace api
