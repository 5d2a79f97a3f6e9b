// GET /containers/{name}/logs.
#pragma once

#include "engine/containers.h"
#include "http/message.h"

namespace api {

// Refusals (404, 409, 400 without a stream, 501 without a log) come before anything is sent.
Task<Result<http::Reply>> container_logs(engine::Containers& containers, std::string name,
                                         http::Request& request);

// What the query asks for.
struct LogOrder {
    store::LogQuery query;
    bool follow = false, timestamps = false, details = false;
};
Result<LogOrder> read_log_order(const http::Query& query);
// Headers at once, then the records; with `follow` until the run that `console` shows has ended
// and all was sent. With a terminal raw, else in frames.
Task<Result<http::Reply>> send_log(Workers& workers, store::LogReader log, engine::Console& console,
                                   LogOrder order, bool terminal, http::Request& request);

}  // namespace api
