// save, load, import, export and history: images and containers as archives on the command line.
#include "base/time.h"
#include "cli/body_stream.h"
#include "cli/console.h"
#include "cli/context.h"
#include "cli/human.h"
#include "cli/platform.h"
#include "cli/table.h"
#include "loop/scope.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cli {

namespace {

// Adds --platform os/arch[/variant] as the API wants them: JSON documents.
Task<Status> add_platforms(Context& context, Arguments texts, Engine::Call& call) {
    for (const std::string& text : texts) {
        CO_TRY_DO(co_await context.engine.needs("--platform", "1.48"));
        auto parsed = parse_platform(text);
        if (!parsed) co_return std::move(parsed).error().context("invalid platform");
        call.query.add("platform", parsed->json());
    }
    co_return Status();
}

Status write_whole(const Fd& file, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t done = ::write(file.get(), bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return base::errno_error(errno, "write");
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

Task<Status> copy_to(Exchange& exchange, const Fd& file) {
    for (;;) {
        CO_TRY(std::string some, co_await exchange.read());
        if (some.empty()) co_return Status();
        CO_TRY_DO(write_whole(file, some));
    }
}

// Where an archive goes: a file that appears only when it is whole, or standard output.
class Output {
public:
    // Refuses a terminal, in Docker's words.
    static Result<Output> open(const std::string& path, std::string_view failed) {
        Output out;
        out.path_ = path;
        if (path.empty()) {
            if (is_terminal(1))
                return Error(Kind::invalid, "cowardly refusing to save to a terminal. Use the -o "
                                            "flag or redirect");
            out.file_.reset(::fcntl(1, F_DUPFD_CLOEXEC, 3));
            if (!out.file_) return base::errno_error(errno, "standard output");
            return out;
        }
        struct stat info {};
        bool there = ::stat(path.c_str(), &info) == 0;
        if (there && S_ISDIR(info.st_mode))
            return Error(Kind::invalid,
                         fmt::format("failed to {}: invalid output path: \"{}\" must be a regular "
                                     "file",
                                     failed, path));
        // A device or a pipe is written to as it is.
        bool special = there && !S_ISREG(info.st_mode);
        if (!special) out.draft_ = fmt::format("{}.tmp-{}", path, ::getpid());
        int flags = O_WRONLY | O_CLOEXEC | (special ? 0 : O_CREAT | O_EXCL);
        out.file_.reset(::open(special ? path.c_str() : out.draft_.c_str(), flags, 0600));
        if (!out.file_) return base::errno_error(errno, "open " + path);
        return out;
    }
    Output(Output&& other) noexcept
        : file_(std::move(other.file_)), path_(std::move(other.path_)),
          draft_(std::exchange(other.draft_, {})) {}
    Output& operator=(Output&&) = delete;
    ~Output() {
        if (!draft_.empty()) ::unlink(draft_.c_str());
    }
    const Fd& file() const { return file_; }
    Status finish() {
        if (draft_.empty()) return {};
        std::string draft = std::exchange(draft_, {});
        if (::rename(draft.c_str(), path_.c_str()) == 0) return {};
        int failed = errno;
        ::unlink(draft.c_str());
        return base::errno_error(failed, "rename to " + path_);
    }

private:
    Output() = default;
    Fd file_;
    std::string path_, draft_;
};

Task<int> save_to(Context& context, Engine::Call call, std::string path, std::string failed) {
    auto output = Output::open(path, failed);
    if (!output) co_return fail(output.error());
    auto answer = co_await context.engine.request(std::move(call));
    if (!answer) co_return fail(answer.error());
    Status copied = co_await copy_to(**answer, output->file());
    if (copied) copied = output->finish();
    if (!copied) co_return fail(copied.error());
    co_return 0;
}

// Sends the archive while what the engine says is shown.
Task<int> upload(Context& context, Engine::Call call, std::unique_ptr<Stream> input) {
    call.headers.set("Content-Type", "application/x-tar");
    auto exchange = co_await context.engine.begin(std::move(call));
    if (!exchange) co_return fail(exchange.error());
    Status read;
    Status shown;
    {
        Scope scope(context.engine.loop(), co_await loop::this_stop());
        scope.spawn(send_file(**exchange, std::move(input), read));
        shown = co_await context.engine.answered(**exchange);
        if (shown) shown = co_await show_progress(**exchange, 1, false);
        co_await scope.close();
    }
    if (!read && read.error().kind() != Kind::cancelled) co_return fail(read.error());
    if (!shown) co_return fail(shown.error());
    co_return 0;
}

}  // namespace

Task<int> run_save(Context& context, Arguments words) {
    std::string output;
    Arguments platforms;
    FlagSet flags(context.program, "save [OPTIONS] IMAGE [IMAGE...]",
                  "Save one or more images to a tar archive (streamed to STDOUT by default)");
    flags.text("output", 'o', output, "Write to a file, instead of STDOUT");
    flags.list("platform", 0, platforms, "Save only this platform, os/arch[/variant]");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    Engine::Call call = get("/images/get");
    for (const std::string& image : parsed.arguments)
        call.query.add("names", image);
    if (auto added = co_await add_platforms(context, platforms, call); !added)
        co_return fail(added.error());
    co_return co_await save_to(context, std::move(call), output, "save image");
}

Task<int> run_export(Context& context, Arguments words) {
    std::string output;
    FlagSet flags(context.program, "export [OPTIONS] CONTAINER",
                  "Export a container's filesystem as a tar archive");
    flags.text("output", 'o', output, "Write to a file, instead of STDOUT");
    Parsed parsed = parse_command(flags, words, {1, 1});
    if (parsed.exit) co_return *parsed.exit;
    Engine::Call call = get("/containers/" + parsed.arguments[0] + "/export");
    co_return co_await save_to(context, std::move(call), output, "export container");
}

Task<int> run_load(Context& context, Arguments words) {
    std::string input;
    Arguments platforms;
    bool quiet = false;
    FlagSet flags(context.program, "load [OPTIONS]", "Load an image from a tar archive or STDIN");
    flags.text("input", 'i', input, "Read from tar archive file, instead of STDIN");
    flags.boolean("quiet", 'q', quiet, "Suppress the load output");
    flags.list("platform", 0, platforms, "Load only this platform, os/arch[/variant]");
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    if (input.empty() && is_terminal(0))
        co_return fail("requested load from stdin, but stdin is empty");
    auto stream = open_input(context.engine.loop(), input);
    if (!stream) co_return fail(stream.error());
    Engine::Call call = post("/images/load");
    call.query.add("quiet", quiet || !is_terminal(1) ? "1" : "0");
    if (auto added = co_await add_platforms(context, platforms, call); !added)
        co_return fail(added.error());
    co_return co_await upload(context, std::move(call), std::move(*stream));
}

Task<int> run_import(Context& context, Arguments words) {
    Arguments changes;
    std::string message, platform;
    FlagSet flags(context.program, "import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
                  "Import the contents from a tarball to create a filesystem image");
    flags.list("change", 'c', changes, "Apply Dockerfile instruction to the created image");
    flags.text("message", 'm', message, "Set commit message for imported image");
    flags.text("platform", 0, platform, "Set platform if server is multi-platform capable");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    std::string source = parsed.arguments[0];
    std::string name = parsed.arguments.size() > 1 ? parsed.arguments[1] : "";
    if (!name.empty()) {
        auto named = check_reference(name);
        if (!named) co_return fail(named.error());
    }
    bool url = source.starts_with("http://") || source.starts_with("https://") ||
               source.starts_with("ftp://");
    Engine::Call call = post("/images/create");
    call.query.add("fromSrc", url ? source : "-");
    if (!name.empty()) call.query.add("repo", name);
    if (!message.empty()) call.query.add("message", message);
    if (!platform.empty()) call.query.add("platform", platform);
    for (const std::string& change : changes)
        call.query.add("changes", change);
    if (url) {
        auto answer = co_await context.engine.request(std::move(call));
        if (!answer) co_return fail(answer.error());
        Status shown = co_await show_progress(**answer, 1, false);
        if (!shown) co_return fail(shown.error());
        co_return 0;
    }
    auto stream = open_input(context.engine.loop(), source == "-" ? "" : source);
    if (!stream) co_return fail(stream.error());
    co_return co_await upload(context, std::move(call), std::move(*stream));
}

namespace {

// Docker shows the local time with its offset.
std::string time_text(std::int64_t seconds) {
    std::string text = local_time(seconds, "%Y-%m-%dT%H:%M:%S%z");
    if (text.ends_with("+0000")) return text.substr(0, text.size() - 5) + "Z";
    return text.insert(text.size() - 2, ":");
}

Value history_row(const Value& line, bool trunc, bool human) {
    Value row = Value::object("formatter.historyContext");
    std::int64_t created = line["Created"].integer();
    std::string id = line["Id"].text(), by = line["CreatedBy"].text();
    for (char& c : by)
        if (c == '\t') c = ' ';
    std::int64_t size = line["Size"].integer();
    row.set("Comment", line["Comment"].text());
    row.set("CreatedAt", time_text(created));
    row.set("CreatedBy", trunc ? ellipsis(by, 45) : by);
    row.set("CreatedSince",
            human ? human_duration(base::now().seconds() - created) + " ago" : time_text(created));
    row.set("ID", trunc ? short_id(id) : id);
    row.set("Size", human ? human_size(static_cast<double>(size), 3) : std::to_string(size));
    return row;
}

}  // namespace

Task<int> run_history(Context& context, Arguments words) {
    bool human = true, no_trunc = false, quiet = false;
    std::string format;
    Arguments platforms;
    FlagSet flags(context.program, "history [OPTIONS] IMAGE", "Show the history of an image");
    flags.text("format", 0, format, "'table', 'table TEMPLATE', 'json' or a Go template");
    flags.boolean("human", 'H', human, "Print sizes and dates in human readable format");
    flags.boolean("no-trunc", 0, no_trunc, "Don't truncate output");
    flags.boolean("quiet", 'q', quiet, "Only show image IDs");
    flags.list("platform", 0, platforms, "Show history for this platform, os/arch[/variant]");
    Parsed parsed = parse_command(flags, words, {1, 1});
    if (parsed.exit) co_return *parsed.exit;
    Engine::Call call = get("/images/" + parsed.arguments[0] + "/history");
    if (auto added = co_await add_platforms(context, platforms, call); !added)
        co_return fail(added.error());
    auto list = co_await context.engine.value(std::move(call));
    if (!list) co_return fail(list.error());
    if (format.empty() || format == "table")
        format = quiet ? "{{.ID}}"
                       : fmt::format("table {{{{.ID}}}}\t{{{{.{}}}}}\t{{{{.CreatedBy}}}}\t"
                                     "{{{{.Size}}}}\t{{{{.Comment}}}}",
                                     human ? "CreatedSince" : "CreatedAt");
    std::vector<Value> rows;
    for (const Value& line : list->items())
        rows.push_back(history_row(line, !no_trunc, human));
    Value head = Value::object("formatter.SubHeaderContext");
    using Pair = std::pair<const char*, const char*>;
    for (auto [name, title] :
         {Pair("ID", "IMAGE"), Pair("CreatedSince", "CREATED"), Pair("CreatedAt", "CREATED AT"),
          Pair("CreatedBy", "CREATED BY"), Pair("Size", "SIZE"), Pair("Comment", "COMMENT")})
        head.set(name, title);
    auto out = render(format, head, rows);
    if (!out) co_return fail(out.error());
    print(*out);
    co_return 0;
}

}  // namespace cli
