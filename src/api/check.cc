// POST /lighter/system/check: what is wrong with the store, line by line while it is looked at, and
// with repair=1 what became of it. Ours: Docker has no such call.
#include "wire/check.h"

#include "api/api.h"
#include "api/caller.h"
#include "api/versions.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "loop/channel.h"
#include "loop/scope.h"
#include "registry/auth.h"
#include "registry/user_agent.h"

#include <map>
#include <optional>

namespace api {

namespace {

using Lines = loop::Channel<std::string>;

constexpr std::size_t lines_max = 256;

class ToClient final : public engine::CheckSink {
public:
    explicit ToClient(Lines& lines) : lines_(lines) {}
    Task<Status> tell(engine::CheckLine line) override {
        wire::CheckLine out;
        out.id = std::move(line.id);
        out.status = std::move(line.status);
        out.message = std::move(line.message);
        co_return co_await lines_.push(json::write(out) + "\r\n");
    }

private:
    Lines& lines_;
};

std::string last_line(const Result<engine::CheckReport>& report) {
    wire::CheckLine line;
    if (!report) {
        line.error = report.error().message();
    } else {
        line.status = "Checked";
        auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
        line.totals = wire::CheckTotals{number(report->layers), number(report->images),
                                        number(report->containers), number(report->problems),
                                        number(report->repaired)};
    }
    return json::write(line) + "\r\n";
}

// X-Registry-Config: base64 of {"registry": {"username": ...}}, as Docker's build takes it.
std::map<std::string, registry::Credentials> credentials_of(const http::Request& request) {
    std::map<std::string, registry::Credentials> out;
    auto text = codec::unbase64(request.headers().get("X-Registry-Config"));
    if (!text) return out;
    auto read = json::read<std::map<std::string, wire::oci::AuthConfig>>(*text);
    if (!read) return out;
    for (auto& [name, auth] : *read) {
        bool hub = name == registry::hub_auth_address || name == "index.docker.io";
        out[hub ? std::string(registry::hub_domain) : name] =
            registry::credentials_of(std::move(auth));
    }
    return out;
}

Task<void> run_check(engine::Checks& checks, engine::CheckOrder order, Lines& lines,
                     std::optional<Result<engine::CheckReport>>& outcome) {
    ToClient sink(lines);
    outcome.emplace(co_await checks.run(std::move(order), sink));
    lines.close();
}

}  // namespace

Task<Result<http::Reply>> system_check(Loop& loop, engine::Checks& checks, http::Request& request) {
    engine::CheckOrder order;
    order.repair = request.query().flag("repair");
    order.headers.emplace_back("User-Agent",
                               registry::user_agent(request.headers().get("User-Agent")));
    order.credentials = credentials_of(request);
    Lines lines(loop, lines_max, loop::Policy::wait);
    std::optional<Result<engine::CheckReport>> outcome;
    Scope scope(loop, co_await loop::this_stop());
    scope.spawn(run_check(checks, std::move(order), lines, outcome));
    http::ReplyStream* out = nullptr;
    Status sent;
    for (;;) {
        auto line = co_await lines.pop();
        if (!line) {
            if (line.error().kind() != Kind::missing) sent = line.error();
            break;
        }
        if (out == nullptr) {
            http::Headers headers;
            add_common_headers(headers);
            out = &request.stream(200, "application/json", std::move(headers));
        }
        sent = co_await out->write(std::move(*line));
        if (!sent) break;
    }
    co_await scope.close();
    if (!sent) co_return sent.error();
    if (out == nullptr) co_return outcome->error();  // refused before it began
    CO_TRY_DO(co_await out->write(last_line(*outcome)));
    co_return http::Reply::sent();
}

}  // namespace api
