// system check: Lighter's own call, shown line by line.
#include "cli/context.h"
#include "codec/base64.h"

#include <fmt/format.h>
#include <set>

namespace cli {

namespace {

// What config.json knows of the registries that the engine's images came from.
std::string registry_config(const Value& config, const Value& images) {
    std::set<std::string> registries;
    Value all = Value::object();
    for (const Value& image : images.items())
        for (const Value& digest : image["RepoDigests"].items()) {
            std::string name = digest.text().substr(0, digest.text().find('@'));
            std::string full = full_name(name);
            std::string registry = full.substr(0, full.find('/'));
            if (!registries.insert(registry).second) continue;
            auto text = codec::unbase64(registry_auth(config, name));
            auto auth = text ? codec::parse_value(*text) : Result<Value>(Value());
            if (auth && auth->is_object() && !auth->members().empty())
                all.set(registry, std::move(*auth));
        }
    return codec::base64(all.json(), codec::Base64::url);
}

std::string counted(const Value& totals, const char* name, std::string_view one) {
    std::int64_t count = totals[name].integer();
    return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string summary(const Value& totals) {
    std::string out =
        fmt::format("{}, {} and {} checked: ", counted(totals, "layers", "layer"),
                    counted(totals, "images", "image"), counted(totals, "containers", "container"));
    if (totals["problems"].integer() == 0) return out + "no problem\n";
    out += counted(totals, "problems", "problem");
    if (std::int64_t repaired = totals["repaired"].integer(); repaired > 0)
        out += fmt::format(", {} repaired", repaired);
    return out + "\n";
}

}  // namespace

Task<int> run_system_check(Context& context, Arguments words) {
    bool repair = false, quiet = false;
    FlagSet flags(context.program, "system check [OPTIONS]",
                  "Verify layers, images, containers and the database; exit code 1 when something "
                  "is wrong");
    flags.boolean("quiet", 'q', quiet, "Only tell what is wrong");
    flags.boolean("repair", 0, repair, "Fetch damaged layers again, remove what is nobody's");
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    Engine::Call call = post("/lighter/system/check");
    if (repair) {
        call.query.add("repair", "1");
        auto images = co_await context.engine.value(get("/images/json"));
        if (!images) co_return fail(images.error());
        call.headers.set("X-Registry-Config", registry_config(context.config, *images));
    }
    auto answer = co_await context.engine.request(std::move(call));
    if (!answer) co_return fail(answer.error());
    Value totals;
    for (;;) {
        auto line = co_await (*answer)->next_value();
        if (!line) co_return fail(line.error());
        if (line->is_null()) break;
        if (!(*line)["error"].text().empty()) co_return fail((*line)["error"].text());
        if ((*line)["totals"].is_object()) {
            totals = (*line)["totals"];
            continue;
        }
        const std::string& status = (*line)["status"].text();
        const std::string& message = (*line)["message"].text();
        if (quiet && (status == "Checking" || status == "Fetching" || status == "Note")) continue;
        print(fmt::format("{}: {}{}{}\n", (*line)["id"].text(), status, message.empty() ? "" : ": ",
                          message));
    }
    if (totals.is_null()) co_return fail("the engine ended before the check did");
    if (!quiet) print(summary(totals));
    co_return totals["problems"].integer() > totals["repaired"].integer() ? 1 : 0;
}

}  // namespace cli
