// stats: what containers use, as a table that is drawn anew twice a second.
#include "base/time.h"
#include "cli/context.h"
#include "cli/stats_row.h"
#include "cli/table.h"
#include "loop/scope.h"
#include "loop/timer.h"
#include "loop/wait.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <memory>

namespace cli {

namespace {

constexpr std::size_t short_id_size = 12;  // as lists and events are told apart
constexpr loop::Milliseconds redraw_every = std::chrono::milliseconds(500);
// An entry that has heard nothing for so long shows dashes.
constexpr loop::Milliseconds silence_max = std::chrono::seconds(2);

struct Entry {
    explicit Entry(loop::Stop* parent) : stop(parent) {}
    std::string asked;  // a name or id of the command line, or an id of the list
    Value stats;        // the last reading
    bool valid = false;
    bool had_first = false;  // a reading, or that there is none
    std::int64_t heard_ns = 0;
    std::string error;
    loop::Stop stop;
};

// One stream per container; who is shown changes with the engine's events.
class Board {
public:
    Board(Context& context, bool stream, loop::Stop* stop)
        : context_(context), stream_(stream), changed_(context.engine.loop()),
          work_(context.engine.loop(), stop) {}

    void add(std::string asked);
    void remove(std::string_view id);
    // Follows starts and ends; `all`: also what was created, and ended ones stay.
    Task<Status> follow_events(bool all);
    // Or for as long as silence is borne.
    Task<void> until_all_had_first();
    std::string errors() const;
    std::vector<Value> rows(bool trunc);
    bool empty() const { return entries_.empty(); }
    Task<void> close() { return work_.close(); }

private:
    Task<Result<bool>> all_had_first();
    Task<void> collect(std::shared_ptr<Entry> entry);
    Task<Status> read(Entry& entry);
    Task<void> read_events(std::unique_ptr<Exchange> events, bool all);

    Context& context_;
    bool stream_;
    loop::WaitList changed_;
    std::vector<std::shared_ptr<Entry>> entries_;
    Scope work_;
};

void Board::add(std::string asked) {
    for (const auto& entry : entries_)
        if (asked == entry->asked) return;
    auto entry = std::make_shared<Entry>(&work_.stop());
    entry->asked = std::move(asked);
    entry->heard_ns = base::monotonic_ns();
    entries_.push_back(entry);
    work_.spawn(collect(entry));
}

void Board::remove(std::string_view id) {
    std::erase_if(entries_, [&](const auto& entry) {
        bool gone = id.starts_with(entry->asked);
        if (gone) entry->stop.request();
        return gone;
    });
}

Task<Status> Board::read(Entry& entry) {
    Engine::Call call = get("/containers/" + entry.asked + "/stats");
    call.query.add("stream", stream_ ? "1" : "0");
    CO_TRY(std::unique_ptr<Exchange> answer, co_await context_.engine.request(std::move(call)));
    for (;;) {
        CO_TRY(Value stats, co_await answer->next_value());
        if (stats.is_null()) co_return Status();
        entry.stats = std::move(stats);
        entry.valid = entry.had_first = true;
        entry.heard_ns = base::monotonic_ns();
        changed_.wake_all();
        if (!stream_) co_return Status();
    }
}

Task<void> Board::collect(std::shared_ptr<Entry> entry) {
    Status ended = co_await loop::with_stop(entry->stop, read(*entry));
    if (!ended) entry->error = ended.error().message();
    if (stream_ || !ended) entry->valid = false;
    entry->had_first = true;
    changed_.wake_all();
}

Task<Status> Board::follow_events(bool all) {
    Engine::Call call = get("/events");
    call.query.add("filters", R"({"type":{"container":true}})");
    CO_TRY(std::unique_ptr<Exchange> events, co_await context_.engine.request(std::move(call)));
    work_.spawn(read_events(std::move(events), all));
    co_return Status();
}

Task<void> Board::read_events(std::unique_ptr<Exchange> events, bool all) {
    for (;;) {
        auto event = co_await events->next_value();
        if (!event || event->is_null()) co_return;
        const std::string& action = (*event)["Action"].text();
        std::string id = (*event)["Actor"]["ID"].text().substr(0, short_id_size);
        if (action == "start" || (all && action == "create")) add(id);
        if (!all && action == "die") remove(id);
    }
}

Task<void> Board::until_all_had_first() {
    (void)co_await loop::within(context_.engine.loop(), silence_max, all_had_first());
}

Task<Result<bool>> Board::all_had_first() {
    auto waiting = [this] {
        return std::ranges::any_of(entries_, [](const auto& entry) { return !entry->had_first; });
    };
    while (waiting())
        CO_TRY_DO(co_await changed_.wait());
    co_return true;
}

std::string Board::errors() const {
    Arguments texts;
    for (const auto& entry : entries_)
        if (!entry->error.empty()) texts.push_back(entry->error);
    return fmt::format("{}", fmt::join(texts, "\n"));
}

std::vector<Value> Board::rows(bool trunc) {
    std::vector<Value> out;
    std::int64_t now = base::monotonic_ns();
    for (const auto& entry : entries_) {
        bool silent = now - entry->heard_ns > std::chrono::nanoseconds(silence_max).count();
        bool valid = entry->valid && (!stream_ || !silent);
        out.push_back(stats_row(entry->asked, entry->stats, valid, trunc));
    }
    return out;
}

// As docker draws it: from the top left, each line's old rest wiped, then what is below.
std::string screen(std::string_view text) {
    std::string out = "\033[H";
    while (!text.empty()) {
        std::size_t end = text.find('\n');
        out += text.substr(0, end);
        out += "\033[K\n";
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return out + "\033[J";
}

struct StatsOptions {
    bool all = false, no_stream = false, no_trunc = false;
    std::string format;
};

Task<int> show(Context& context, const StatsOptions& options, Board& board, bool every) {
    for (;;) {
        if (!options.no_stream && !co_await loop::sleep(context.engine.loop(), redraw_every))
            co_return 0;
        std::vector<Value> rows = board.rows(!options.no_trunc);
        auto text = render(options.format, stats_head(), rows);
        if (!text) co_return fail("template parsing error: " + text.error().message());
        print(options.no_stream ? *text : screen(*text));
        if (options.no_stream || (board.empty() && !every)) co_return 0;
    }
}

Task<int> watch(Context& context, const StatsOptions& options, Arguments containers, Board& board) {
    if (containers.empty()) {
        auto following = co_await board.follow_events(options.all);
        if (!following) co_return fail(following.error());
        Engine::Call call = get("/containers/json");
        if (options.all) call.query.add("all", "1");
        auto list = co_await context.engine.value(std::move(call));
        if (!list) co_return fail(list.error());
        for (const Value& one : list->items())
            board.add(one["Id"].text().substr(0, short_id_size));
    }
    for (const std::string& container : containers)
        board.add(container);
    co_await board.until_all_had_first();
    if (!containers.empty())
        if (std::string errors = board.errors(); !errors.empty()) co_return fail(errors);
    co_return co_await show(context, options, board, containers.empty());
}

}  // namespace

Task<int> run_stats(Context& context, Arguments words) {
    StatsOptions options;
    FlagSet flags(context.program, "stats [OPTIONS] [CONTAINER...]",
                  "Display a live stream of container(s) resource usage statistics");
    flags.boolean("all", 'a', options.all, "Show all containers, not only running ones");
    flags.text("format", 0, options.format, "'table', 'table TEMPLATE', 'json' or a Go template");
    flags.boolean("no-stream", 0, options.no_stream, "Print the first reading and end");
    flags.boolean("no-trunc", 0, options.no_trunc, "Do not shorten");
    Parsed parsed = parse_command(flags, words, {0, -1});
    if (parsed.exit) co_return *parsed.exit;
    if (options.format.empty()) options.format = context.config["statsFormat"].text();
    if (options.format.empty() || options.format == "table")
        options.format = "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t"
                         "{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";
    Board board(context, !options.no_stream, co_await loop::this_stop());
    int code = co_await watch(context, options, std::move(parsed.arguments), board);
    co_await board.close();
    co_return code;
}

}  // namespace cli
