// POST /images/create: a pull, told line by line while it runs.
#include "api/api.h"
#include "api/caller.h"
#include "api/versions.h"
#include "codec/human.h"
#include "codec/json.h"
#include "loop/channel.h"
#include "loop/scope.h"
#include "registry/manifest.h"
#include "registry/progress.h"
#include "registry/reference.h"
#include "wire/system.h"

#include <optional>

namespace api {

namespace {

using Lines = loop::Channel<registry::Progress>;

// A client may read slower than layers move: of one layer's bytes it needs the latest only.
constexpr std::size_t lines_max = 8192;

bool same_line(const registry::Progress& a, const registry::Progress& b) {
    return a.id == b.id && a.status == b.status;
}

class ToClient final : public registry::ProgressSink {
public:
    explicit ToClient(Lines& lines) : lines_(lines) {}
    void progress(registry::Progress what) override { lines_.offer(std::move(what)); }

private:
    Lines& lines_;
};

std::string line_text(const registry::Progress& what) {
    wire::Progress line;
    line.status = what.status;
    line.id = what.id;
    bool of_layer = !what.id.empty() && !what.status.starts_with("Pulling from");
    if (of_layer)
        line.progress_detail = wire::ProgressDetail{static_cast<std::int64_t>(what.current),
                                                    static_cast<std::int64_t>(what.total)};
    return json::write(line) + "\r\n";
}

std::string error_text(const Error& error) {
    wire::Progress line;
    line.error_detail = wire::ErrorDetail{.message = error.message()};
    line.error = error.message();
    return json::write(line) + "\r\n";
}

// What is to be pulled: fromImage with its own tag, or with `tag`, which may be a digest. Without
// any of them, or with a lone colon at its end: all tags.
Result<engine::PullOrder> read_order(const http::Request& request) {
    std::string name = request.query().text("fromImage");
    std::string tag = request.query().text("tag");
    if (name.ends_with(':')) name.pop_back();
    std::size_t last = name.rfind('/') + 1;  // 0 without a slash
    bool named = name.find_first_of(":@", last) != std::string::npos;
    engine::PullOrder order;
    TRY(order.target, registry::parse_reference(name));
    if (registry::is_digest(tag)) {
        order.target.digest = tag;
        order.target.tag.clear();
    } else if (!tag.empty()) {
        if (!registry::is_tag(tag)) return Error(Kind::invalid, "invalid tag format");
        order.target.tag = tag;
    } else if (!named) {
        order.target.tag.clear();
    }
    if (order.target.domain == registry::hub_domain && order.target.path == "library/scratch")
        return Error(Kind::denied, "'scratch' is a reserved name");
    if (std::string text = request.query().text("platform"); !text.empty()) {
        TRY(registry::Platform platform, registry::parse_platform(text));
        order.platform = std::move(platform);
    }
    order.caller = caller_of(request);
    if (std::string text = request.query().text("limitRate"); !text.empty()) {
        TRY(std::int64_t rate, codec::parse_bytes(text));
        if (rate < 1) return Error(Kind::invalid, "limitRate must be more than 0 bytes a second");
        order.bytes_per_second_max = static_cast<std::uint64_t>(rate);
    }
    return order;
}

Task<void> run_pull(engine::Images& images, engine::PullOrder order, registry::ProgressSink& sink,
                    Lines& lines, std::optional<Result<std::string>>& outcome) {
    outcome.emplace(co_await images.pull(std::move(order), sink));
    lines.close();
}

// Sends lines until the pull has ended or the client is gone. `out` stays null when there was none:
// a pull that fails at once is a plain error status.
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
        CO_TRY_DO(co_await out->write(line_text(*line)));
    }
}

}  // namespace

Task<Result<http::Reply>> image_create(Loop& loop, engine::Images& images, http::Request& request) {
    CO_TRY(engine::PullOrder order, read_order(request));
    Lines lines(loop, lines_max, loop::Policy::latest_per_key, same_line);
    ToClient sink(lines);
    std::optional<Result<std::string>> outcome;
    Scope scope(loop, co_await loop::this_stop());
    scope.spawn(run_pull(images, std::move(order), sink, lines, outcome));
    http::ReplyStream* out = nullptr;
    Status sent = co_await send_lines(lines, request, out);
    co_await scope.close();
    if (!sent) co_return sent.error();
    if (!*outcome) {
        if (!out) co_return outcome->error();
        CO_TRY_DO(co_await out->write(error_text(outcome->error())));
    }
    if (!out) co_return http::Reply(200);
    co_return http::Reply::sent();
}

}  // namespace api
