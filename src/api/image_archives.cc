// Images as archives: GET /images/get and /images/{name}/get, POST /images/load, the import behind
// POST /images/create?fromSrc=-; and GET /images/{name}/history.
#include "api/api.h"
#include "api/platform.h"
#include "api/progress_stream.h"
#include "api/status.h"
#include "api/stream_reply.h"
#include "api/versions.h"
#include "codec/http1.h"
#include "codec/json.h"
#include "codec/url.h"
#include "loop/channel.h"
#include "loop/timer.h"
#include "wire/image.h"
#include "wire/system.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace api {

namespace {

constexpr std::size_t names_max = 1000;
constexpr std::size_t lines_max = 4096;

std::string stream_line(std::string text) {
    wire::Progress line;
    line.stream = std::move(text);
    return json::write(line) + "\r\n";
}

Task<Result<http::Reply>> send_archive(engine::Images& images, Workers& workers,
                                       std::vector<std::string> names, http::Request& request) {
    CO_TRY(auto platforms, read_platforms(request, "platform", 48));
    CO_TRY(engine::SavedImages saved, co_await images.save(std::move(names), std::move(platforms)));
    // The pins are held until all is sent.
    co_return co_await stream_reply(workers, std::move(saved.stream), request, "application/x-tar");
}

using Lines = loop::Channel<std::string>;

Task<void> run_load(engine::Images& images, http::Request& request, engine::LoadOrder order,
                    bool quiet, Lines& lines, Status& outcome) {
    engine::LoadTold told;
    told.stream = [&lines](std::string text) { lines.offer(stream_line(std::move(text))); };
    told.layer = [&lines, quiet](std::string id, std::uint64_t bytes) {
        if (quiet) return;
        wire::Progress line;
        line.status = "Loading layer";
        auto size = static_cast<std::int64_t>(bytes);
        line.progress_detail = wire::ProgressDetail{size, size};
        line.id = std::move(id);
        lines.offer(json::write(line) + "\r\n");
    };
    outcome = co_await images.load_archive(body_of(request), std::move(order), std::move(told));
    lines.close();
}

}  // namespace

Task<Result<http::Reply>> image_get(engine::Images& images, Workers& workers, std::string name,
                                    http::Request& request) {
    std::vector<std::string> names{std::move(name)};
    co_return co_await send_archive(images, workers, std::move(names), request);
}

Task<Result<http::Reply>> images_get(engine::Images& images, Workers& workers,
                                     http::Request& request) {
    std::vector<std::string> names = request.query().all("names");
    std::erase(names, "");
    if (names.empty()) co_return Error(Kind::invalid, "no images specified");
    if (names.size() > names_max)
        co_return Error(Kind::invalid, fmt::format("more than {} images", names_max));
    co_return co_await send_archive(images, workers, std::move(names), request);
}

// The status is 200 whatever comes, as Docker's; what goes wrong is told in the stream.
Task<Result<http::Reply>> image_load(Loop& loop, engine::Images& images, http::Request& request) {
    engine::LoadOrder order;
    CO_TRY(order.platforms, read_platforms(request, "platform", 48));
    bool quiet = request.query().flag("quiet");
    Lines lines(loop, lines_max, loop::Policy::drop_oldest);
    Status outcome;
    Scope scope(loop, co_await loop::this_stop());
    scope.spawn(run_load(images, request, std::move(order), quiet, lines, outcome));
    http::Headers headers;
    add_common_headers(headers);
    http::ReplyStream& out = request.stream(200, "application/json", std::move(headers));
    Status sent;
    for (;;) {
        auto line = co_await lines.pop();
        if (!line) {
            if (line.error().kind() != Kind::missing) sent = line.error();
            break;
        }
        sent = co_await out.write(std::move(*line));
        if (!sent) break;
    }
    co_await scope.close();
    if (!sent) co_return sent.error();
    if (!outcome) CO_TRY_DO(co_await out.write(error_line(outcome.error())));
    CO_TRY_DO(co_await out.flush());
    co_return http::Reply::sent();
}

namespace {

constexpr loop::Milliseconds head_timeout = std::chrono::seconds(60);
// A line of progress for each of these, as Docker does.
constexpr std::uint64_t progress_bytes = 512 * 1024;

Result<engine::ImportOrder> read_import(const http::Query& query, const std::string& source) {
    engine::ImportOrder order;
    if (std::string name = query.text("repo"); !name.empty()) {
        TRY(registry::Target target, registry::parse_reference(name));
        if (!target.digest.empty()) return Error(Kind::invalid, "cannot import digest reference");
        if (std::string tag = query.text("tag"); !tag.empty()) {
            if (!registry::is_tag(tag)) return Error(Kind::invalid, "invalid tag format");
            target.tag = std::move(tag);
        }
        order.target = std::move(target);
    }
    order.message = query.text("message");
    if (order.message.empty()) order.message = "Imported from " + source;
    order.changes = query.all("changes");
    if (std::string text = query.text("platform"); !text.empty()) {
        TRY(order.platform, registry::parse_platform(text));
        if (order.platform->os != "linux")
            return Error(Kind::invalid, fmt::format("operating system \"{}\" is not supported",
                                                    order.platform->os));
    }
    return order;
}

std::string status_line(std::string status) {
    wire::Progress line;
    line.status = std::move(status);
    return json::write(line) + "\r\n";
}

// The answer of a server that has the archive; others' in Docker's words.
Task<Result<registry::Reply>> get_archive(const registry::Link& link, std::string url) {
    registry::Request wanted;
    wanted.url = url;
    Task<Result<registry::Reply>> sending = link.transport.send(std::move(wanted));
    auto reply = co_await loop::within(link.loop, head_timeout, std::move(sending));
    if (!reply && reply.error().kind() == Kind::cancelled) co_return std::move(reply).error();
    if (!reply)
        co_return Error(Kind::internal, fmt::format("Get \"{}\": {}", codec::mask_credentials(url),
                                                    reply.error().message()));
    if (reply->status < 400) co_return std::move(*reply);
    constexpr std::size_t shown_bytes_max = 1024;
    std::string text;
    while (text.size() < shown_bytes_max) {
        auto piece = co_await reply->body->read();
        if (!piece || piece->empty()) break;
        text += piece->view();
    }
    text.resize(std::min(text.size(), shown_bytes_max));
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    Kind kind = reply->status == 400   ? Kind::invalid
                : reply->status == 401 ? Kind::unauthorized
                : reply->status == 403 ? Kind::denied
                : reply->status == 404 ? Kind::missing
                                       : Kind::internal;
    co_return Error(kind, fmt::format("failed to GET {} with status {} {}: {}",
                                      codec::mask_credentials(url), reply->status,
                                      codec::http1::reason_phrase(static_cast<int>(reply->status)),
                                      text));
}

// An archive on its way from a server to the engine, told to the client as it comes.
struct Download {
    registry::Reply reply;
    http::ReplyStream& out;
    std::uint64_t total = 0, come = 0, told = 0;

    Task<Result<Slice>> read() {
        CO_TRY(Slice piece, co_await reply.body->read());
        come += piece.size();
        if (come - told >= progress_bytes || (piece.empty() && come > told)) {
            told = come;
            wire::Progress line;
            line.status = "Importing";
            line.progress_detail = wire::ProgressDetail{static_cast<std::int64_t>(come),
                                                        static_cast<std::int64_t>(total)};
            CO_TRY_DO(co_await out.write(json::write(line) + "\r\n"));
        }
        co_return piece;
    }
};

Task<Result<http::Reply>> import_url(engine::Images& images, const registry::Link& link,
                                     std::string url, http::Request& request) {
    CO_TRY(engine::ImportOrder order, read_import(request.query(), codec::mask_credentials(url)));
    if (url.find("://") == url.npos) url = "http://" + url;
    CO_TRY(codec::Url parsed, codec::parse_url(url));
    CO_TRY(registry::Reply reply, co_await get_archive(link, url));
    http::Headers headers;
    add_common_headers(headers);
    http::ReplyStream& out = request.stream(200, "application/json", std::move(headers));
    CO_TRY_DO(co_await out.write(status_line("Downloading from " + parsed.printable())));
    std::string length = reply.header("content-length");
    Download download{.reply = std::move(reply), .out = out};
    std::from_chars(length.data(), length.data() + length.size(), download.total);
    auto id =
        co_await images.import_archive([&download] { return download.read(); }, std::move(order));
    std::string last = id ? status_line(std::move(*id)) : error_line(id.error());
    CO_TRY_DO(co_await out.write(std::move(last)));
    CO_TRY_DO(co_await out.flush());
    co_return http::Reply::sent();
}

}  // namespace

Task<Result<http::Reply>> image_import(engine::Images& images, const registry::Link& link,
                                       http::Request& request) {
    std::string source = request.query().text("fromSrc");
    if (source != "-") co_return co_await import_url(images, link, std::move(source), request);
    CO_TRY(engine::ImportOrder order, read_import(request.query(), source));
    CO_TRY(std::string id, co_await images.import_archive(body_of(request), std::move(order)));
    co_return http::Reply(200, "application/json", status_line(std::move(id)));
}

Task<Result<http::Reply>> image_history(engine::Images& images, std::string name,
                                        const http::Request& request) {
    CO_TRY(auto platforms, read_platforms(request, "platform", 48));
    CO_TRY(auto lines, co_await images.history(std::move(name), std::move(platforms)));
    std::vector<wire::ImageHistory> out;
    for (engine::HistoryLine& line : lines)
        out.push_back({std::move(line.id), line.created.seconds(), std::move(line.created_by),
                       std::move(line.tags), static_cast<std::int64_t>(line.size),
                       std::move(line.comment)});
    co_return json_text_reply(200, json::write(out));
}

}  // namespace api
