#include "api/logs.h"

#include "api/media_types.h"
#include "api/versions.h"
#include "codec/human.h"
#include "codec/json_value.h"
#include "codec/stdcopy.h"
#include "codec/url.h"
#include "loop/timer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/core.h>

namespace api {

namespace {

// Anything but a number of lines means all of them.
std::optional<std::uint64_t> read_tail(const std::string& text) {
    std::uint64_t lines = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lines);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return lines;
}

// 0 is no bound.
Result<Time> read_bound(const http::Query& query, std::string_view name) {
    auto time = codec::parse_timestamp(query.text(name));
    if (!time)
        return std::move(time).error().context(fmt::format("invalid value for \"{}\"", name));
    return time->ns == 0 ? Time{} : *time;
}

// As Go's url.QueryEscape.
std::string query_escape(std::string_view text) {
    std::string escaped;
    for (std::size_t begin = 0; begin <= text.size();) {
        std::size_t space = std::min(text.find(' ', begin), text.size());
        escaped += codec::percent_encode(text.substr(begin, space - begin));
        if (space < text.size()) escaped += '+';
        begin = space + 1;
    }
    return escaped;
}

// "env=prod,os=linux", in order of names.
std::string attributes_text(const std::string& document) {
    std::vector<std::string> pairs;
    if (auto attributes = json::parse(document))
        for (const auto& [name, value] : attributes->members())
            pairs.push_back(query_escape(name) + "=" + query_escape(value.text()));
    std::ranges::sort(pairs);
    std::string text;
    for (const std::string& pair : pairs)
        text += (text.empty() ? "" : ",") + pair;
    return text;
}

std::string framed(codec::Stdio stream, std::string_view text, bool terminal) {
    if (terminal) return std::string(text);
    std::string out;
    codec::append_frame(out, stream, text);
    return out;
}

// What goes out in one write for all the records that one read gave.
std::string payload(const std::vector<codec::LogRecord>& records, const LogOrder& order,
                    bool terminal) {
    std::string out;
    for (const codec::LogRecord& record : records) {
        std::string text;
        if (order.timestamps) text += base::rfc3339_fixed(record.time) + " ";
        if (order.details) text += attributes_text(record.attrs) + " ";
        text += record.text;
        bool err = record.stream == codec::LogStream::err;
        out += framed(err ? codec::Stdio::err : codec::Stdio::out, text, terminal);
    }
    return out;
}

Result<std::vector<codec::LogRecord>> read_some(store::LogReader* log) {
    std::vector<codec::LogRecord> records;
    TRY_DO(log->read(records));
    return records;
}

// Waits for what comes after version `seen`, at most until `until`. timeout: that has passed.
Task<Status> grows(Loop& loop, engine::Console& console, std::uint64_t seen, Time until) {
    if (until.is_never()) co_return co_await console.log_grows(seen);
    std::chrono::nanoseconds left(std::max<std::int64_t>(0, until.ns - base::now().ns));
    co_return co_await loop::within(loop, std::chrono::ceil<loop::Milliseconds>(left),
                                    console.log_grows(seen));
}

Task<Status> send_records(Workers& workers, store::LogReader& log, engine::Console& console,
                          const LogOrder& order, bool terminal, http::ReplyStream& out) {
    while (true) {
        // Looked at before reading: what is written from here on is seen by the next turn.
        std::uint64_t seen = console.log_version();
        bool running = console.is_open();
        auto records = co_await workers.run(loop::Lane::heavy, read_some, &log);
        if (!records && records.error().kind() == Kind::cancelled) co_return records.error();
        if (!records)
            co_return co_await out.write(framed(codec::Stdio::system_error,
                                                "Error grabbing logs: " + records.error().message(),
                                                terminal));
        if (!records->empty()) {
            CO_TRY_DO(co_await out.write(payload(*records, order, terminal)));
            continue;
        }
        if (log.done()) co_return Status();
        if (!log.caught_up()) continue;
        if (!order.follow || !running) co_return Status();
        Status more = co_await grows(workers.loop(), console, seen, order.query.until);
        if (!more && more.error().kind() == Kind::timeout) co_return Status();
        if (!more) co_return more;
    }
}

}  // namespace

Result<LogOrder> read_log_order(const http::Query& query) {
    LogOrder order;
    order.query.out = query.flag("stdout");
    order.query.err = query.flag("stderr");
    if (!order.query.out && !order.query.err)
        return Error(Kind::invalid, "Bad parameters: you must choose at least one stream");
    TRY(order.query.since, read_bound(query, "since"));
    TRY(order.query.until, read_bound(query, "until"));
    order.query.tail = read_tail(query.text("tail"));
    order.follow = query.flag("follow");
    order.timestamps = query.flag("timestamps");
    order.details = query.flag("details");
    return order;
}

Task<Result<http::Reply>> send_log(Workers& workers, store::LogReader log, engine::Console& console,
                                   LogOrder order, bool terminal, http::Request& request) {
    http::Headers headers;
    add_common_headers(headers);
    std::string type(stream_type(!terminal, request.version()));
    http::ReplyStream& out = request.stream(200, std::move(type), std::move(headers));
    CO_TRY_DO(co_await out.flush());
    CO_TRY_DO(co_await send_records(workers, log, console, order, terminal, out));
    co_return http::Reply::sent();
}

Task<Result<http::Reply>> container_logs(engine::Containers& containers, std::string name,
                                         http::Request& request) {
    CO_TRY(LogOrder order, read_log_order(request.query()));
    CO_TRY(engine::ContainerPtr container, containers.find(name));
    if (container->dead || container->removing)
        co_return Error(Kind::conflict,
                        "can not get logs from container which is dead or marked for removal");
    CO_TRY(store::LogReader log, co_await containers.open_log(container, order.query));
    bool terminal = container->record.config.tty;
    co_return co_await send_log(containers.workers(), std::move(log), container->console, order,
                                terminal, request);
}

}  // namespace api
