#include "api/progress_stream.h"

#include "api/versions.h"
#include "codec/json.h"
#include "loop/channel.h"
#include "loop/scope.h"
#include "wire/system.h"

#include <optional>

namespace api {

namespace {

using Lines = loop::Channel<registry::Progress>;
using Work = std::function<Task<Status>(registry::ProgressSink&)>;

// A client may read slower than layers move: of one layer's bytes it needs the latest only.
constexpr std::size_t lines_max = 8192;

bool same_line(const registry::Progress& a, const registry::Progress& b) {
    return a.id == b.id && a.status == b.status && a.aux == b.aux;
}

class ToClient final : public registry::ProgressSink {
public:
    explicit ToClient(Lines& lines) : lines_(lines) {}
    void progress(registry::Progress what) override { lines_.offer(std::move(what)); }

private:
    Lines& lines_;
};

std::string line_text(registry::Progress what) {
    wire::Progress line;
    bool of_layer = !what.id.empty() && !what.status.starts_with("Pulling from");
    if (of_layer || !what.aux.empty())
        line.progress_detail = wire::ProgressDetail{static_cast<std::int64_t>(what.current),
                                                    static_cast<std::int64_t>(what.total)};
    line.status = std::move(what.status);
    line.id = std::move(what.id);
    line.aux.text = std::move(what.aux);
    return json::write(line) + "\r\n";
}

Task<void> run(Work work, registry::ProgressSink& sink, Lines& lines,
               std::optional<Status>& outcome) {
    outcome.emplace(co_await work(sink));
    lines.close();
}

// Sends lines until the work has ended or the client is gone. `out` stays null when there was none.
Task<Status> send_lines(Lines& lines, http::Request& request, http::ReplyStream*& out) {
    while (true) {
        auto line = co_await lines.pop();
        if (!line) {
            if (line.error().kind() == Kind::missing) co_return Status();
            co_return line.error();
        }
        if (!out) {
            http::Headers headers;
            add_common_headers(headers);
            out = &request.stream(200, "application/json", std::move(headers));
        }
        CO_TRY_DO(co_await out->write(line_text(std::move(*line))));
    }
}

}  // namespace

std::string error_line(const Error& error) {
    wire::Progress line;
    line.error_detail = wire::ErrorDetail{.message = error.message()};
    line.error = error.message();
    return json::write(line) + "\r\n";
}

Task<Result<http::Reply>> stream_progress(Loop& loop, http::Request& request, Work work) {
    Lines lines(loop, lines_max, loop::Policy::latest_per_key, same_line);
    ToClient sink(lines);
    std::optional<Status> outcome;
    Scope scope(loop, co_await loop::this_stop());
    scope.spawn(run(std::move(work), sink, lines, outcome));
    http::ReplyStream* out = nullptr;
    Status sent = co_await send_lines(lines, request, out);
    co_await scope.close();
    if (!sent) co_return sent.error();
    if (!*outcome) {
        if (!out) co_return outcome->error();
        CO_TRY_DO(co_await out->write(error_line(outcome->error())));
    }
    if (!out) co_return http::Reply(200);
    co_return http::Reply::sent();
}

}  // namespace api
