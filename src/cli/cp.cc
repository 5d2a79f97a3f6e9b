// cp: files between a container and this machine, both ways.
#include "archive/extract.h"
#include "archive/tree_tar.h"
#include "cli/body_stream.h"
#include "cli/console.h"
#include "cli/context.h"
#include "cli/copy_paths.h"
#include "cli/human.h"
#include "codec/base64.h"
#include "loop/scope.h"

#include <cerrno>
#include <chrono>
#include <climits>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <unistd.h>

namespace cli {

namespace {

struct CopyOptions {
    bool archive = false, follow = false, quiet = false;
};

std::string size_text(std::uint64_t bytes) {
    return human_size(static_cast<double>(bytes), 3);
}

// The line on a terminal that says how far it is; on standard error, as the archive may go to
// standard output.
class Progress {
public:
    Progress(std::string text, bool shown) : text_(std::move(text)), shown_(shown) {
        if (shown_) put(2, "\x1b[s\x1b[?25l" + text_ + " - " + size_text(0));
    }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() {
        if (shown_) put(2, "\x1b[u\x1b[2K\x1b[?25h");
    }
    void add(std::size_t bytes) {
        bytes_ += bytes;
        auto now = std::chrono::steady_clock::now();
        if (!shown_ || now - told_ < std::chrono::milliseconds(75)) return;
        told_ = now;
        put(2, "\x1b[u\x1b[2K" + text_ + " - " + size_text(bytes_));
    }
    std::uint64_t bytes() const { return bytes_; }

private:
    std::string text_;
    bool shown_;
    std::uint64_t bytes_ = 0;
    std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

void tell_done(std::uint64_t bytes, const std::string& where) {
    put(2, fmt::format("Successfully copied {} to {}\n", size_text(bytes), where));
}

// A local file or folder as the archive that is sent.
class TarBody final : public BlockingStream {
public:
    TarBody(Fd first, std::string name, Progress& progress)
        : tar_(std::move(first), std::move(name)), progress_(progress) {}
    Task<Result<Slice>> read() override {
        Slab* slab = Slab::make();
        auto got = tar_.read(slab->data(), slab->capacity());
        Slice slice(slab, 0, got ? *got : 0);
        if (!got) co_return got.error();
        progress_.add(*got);
        co_return slice;
    }

private:
    archive::TreeTar tar_;
    Progress& progress_;
};

struct ContainerPath {
    bool found = false, folder = false, link = false;
    std::uint32_t mode = 0;
    std::string link_target;
};

// From X-Docker-Container-Path-Stat.
ContainerPath read_stat(const Exchange& answer) {
    constexpr std::uint32_t folder = 1U << 31, link = 1U << 27;
    ContainerPath out;
    auto text = codec::unbase64(answer.headers().get("X-Docker-Container-Path-Stat"));
    auto stat = text ? codec::parse_value(*text) : Result<Value>(Error(Kind::invalid, ""));
    if (!stat) return out;
    out.found = true;
    out.mode = static_cast<std::uint32_t>((*stat)["mode"].integer());
    out.folder = (out.mode & folder) != 0;
    out.link = (out.mode & link) != 0;
    out.link_target = (*stat)["linkTarget"].text();
    return out;
}

Engine::Call archive_call(std::string method, const std::string& container, std::string path) {
    Engine::Call call;
    call.method = std::move(method);
    call.path = "/containers/" + container + "/archive";
    call.query.add("path", std::move(path));
    return call;
}

// Whatever fails is told by what comes after it.
Task<ContainerPath> stat_path(Context& context, std::string container, std::string path) {
    auto answer = co_await context.engine.request(archive_call("HEAD", container, path));
    co_return answer ? read_stat(**answer) : ContainerPath();
}

// Where the link at `path` leads, from the container's root.
std::string target_of(const std::string& path, const ContainerPath& link) {
    if (link.link_target.starts_with('/')) return link.link_target;
    return join_local(split_entry(path).first, link.link_target);
}

Result<std::string> local_path(const std::string& path) {
    char here[PATH_MAX];
    std::string absolute = path;
    if (!path.starts_with('/')) {
        if (::getcwd(here, sizeof here) == nullptr) return base::errno_error(errno, "getwd");
        absolute = std::string(here) + "/" + path;
    }
    return keep_ending(clean_local(absolute), path);
}

Task<Status> send_archive(Context& context, Engine::Call call, std::unique_ptr<Stream> source) {
    call.headers.set("Content-Type", "application/x-tar");
    CO_TRY(auto exchange, co_await context.engine.begin(std::move(call)));
    Status read, answered;
    {
        Scope scope(context.engine.loop(), co_await loop::this_stop());
        scope.spawn(send_file(*exchange, std::move(source), read));
        answered = co_await context.engine.answered(*exchange);
        co_await scope.close();
    }
    if (!read && read.error().kind() != Kind::cancelled) co_return read;
    co_return answered;
}

Task<Status> copy_to_container(Context& context, CopyOptions options, std::string from,
                               CopyArgument to) {
    CopyEnd target;
    target.path = to.path;
    ContainerPath there = co_await stat_path(context, to.container, to.path);
    if (there.found && there.link) {
        target.path = target_of(to.path, there);
        there = co_await stat_path(context, to.container, target.path);
    }
    if (Status fine = check_output_mode(there.mode); !fine)
        co_return Error(Kind::invalid,
                        fmt::format("destination \"{}:{}\" must be a directory or a regular file: "
                                    "{}",
                                    to.container, to.path, fine.error().message()));
    target.exists = there.found;
    target.folder = there.folder;
    bool from_stdin = from == "-";
    if (from_stdin && !target.folder)
        co_return Error(Kind::invalid, fmt::format("destination \"{}:{}\" must be a directory",
                                                   to.container, to.path));
    std::optional<Progress> progress;
    progress.emplace("Copying to container", !options.quiet && is_terminal(2));
    std::string folder = target.path;
    std::unique_ptr<Stream> body;
    if (from_stdin) {
        CO_TRY(body, open_input(context.engine.loop(), ""));
    } else {
        CO_TRY(std::string path, local_path(from));
        CO_TRY(CopyEnd source, local_source(path, options.follow));
        CO_TRY(CopyPlan plan, plan_copy(source, target));
        folder = plan.folder;
        std::string name = split_entry(source.path).second;
        if (!source.rebase_name.empty()) name = source.rebase_name;
        if (plan.rename) name = plan.rename->second;
        Fd first(::open(source.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!first) co_return base::errno_error(errno, "open " + source.path);
        body = std::make_unique<TarBody>(std::move(first), std::move(name), *progress);
    }
    Engine::Call call = archive_call("PUT", to.container, folder);
    call.query.add("noOverwriteDirNonDir", "true");
    if (options.archive) call.query.add("copyUIDGID", "true");
    Status done = co_await send_archive(context, std::move(call), std::move(body));
    std::uint64_t bytes = progress->bytes();
    progress.reset();  // before anything else is written there
    if (done && !options.quiet) tell_done(bytes, to.container + ":" + target.path);
    co_return done;
}

Task<Status> extract(Exchange& answer, archive::Extractor& files, Progress& progress) {
    for (;;) {
        CO_TRY(std::string some, co_await answer.read());
        if (some.empty()) co_return files.finish();
        progress.add(some.size());
        CO_TRY_DO(files.feed(some));
    }
}

Task<Status> copy_from_container(Context& context, CopyOptions options, CopyArgument from,
                                 std::string to) {
    bool to_stdout = to == "-";
    if (!to_stdout) {
        CO_TRY(to, local_path(to));
        CO_TRY_DO(check_output(to));
    }
    CopyEnd source;
    source.path = from.path;
    source.exists = true;
    if (options.follow) {
        ContainerPath link = co_await stat_path(context, from.container, from.path);
        if (link.found && link.link)
            std::tie(source.path, source.rebase_name) =
                rebased(from.path, target_of(from.path, link));
    }
    CO_TRY(auto answer,
           co_await context.engine.request(archive_call("GET", from.container, source.path)));
    if (to_stdout) {
        for (;;) {
            CO_TRY(std::string some, co_await answer->read());
            if (some.empty()) co_return Status();
            put(1, some);
        }
    }
    source.folder = read_stat(*answer).folder;
    CO_TRY(CopyEnd target, local_target(to));
    CO_TRY(CopyPlan plan, plan_copy(source, target));
    archive::ExtractOptions wanted;
    wanted.keep_types = true;
    wanted.set_owners = false;
    wanted.sync = false;
    wanted.called = clean_local(plan.folder);
    wanted.rename = plan.rename;
    if (!source.rebase_name.empty())
        wanted.rename = {split_entry(source.path).second,
                         plan.rename ? plan.rename->second : source.rebase_name};
    Fd root(::open(plan.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) co_return base::errno_error(errno, "open " + plan.folder);
    archive::Extractor files(std::move(root), "/", std::move(wanted));
    Status done;
    std::uint64_t bytes = 0;
    {
        Progress progress("Copying from container", !options.quiet && is_terminal(2));
        done = co_await extract(*answer, files, progress);
        bytes = progress.bytes();
    }
    if (done && !options.quiet) tell_done(bytes, to);
    co_return done;
}

}  // namespace

Task<int> run_cp(Context& context, Arguments words) {
    CopyOptions options;
    FlagSet flags(context.program,
                  fmt::format("cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\t{} cp [OPTIONS] "
                              "SRC_PATH|- CONTAINER:DEST_PATH",
                              context.program),
                  "Copy files/folders between a container and the local filesystem");
    flags.boolean("archive", 'a', options.archive, "Archive mode (copy all uid/gid information)");
    flags.boolean("follow-link", 'L', options.follow, "Always follow symbol link in SRC_PATH");
    flags.boolean("quiet", 'q', options.quiet,
                  "Suppress progress output during copy (always, without a terminal)");
    Parsed parsed = parse_command(flags, words, {2, 2});
    if (parsed.exit) co_return *parsed.exit;
    bool quiet_given = false;
    for (const FlagSet::Given& one : flags.given())
        quiet_given = quiet_given || one.name == "quiet";
    if (!quiet_given) options.quiet = !is_terminal(1);
    if (parsed.arguments[0].empty()) co_return fail("source can not be empty");
    if (parsed.arguments[1].empty()) co_return fail("destination can not be empty");
    CopyArgument from = parse_copy_argument(parsed.arguments[0]);
    CopyArgument to = parse_copy_argument(parsed.arguments[1]);
    if (!from.container.empty() && !to.container.empty())
        co_return fail("copying between containers is not supported");
    if (from.container.empty() && to.container.empty())
        co_return fail("must specify at least one container source");
    Status done = from.container.empty()
                      ? co_await copy_to_container(context, options, from.path, std::move(to))
                      : co_await copy_from_container(context, options, std::move(from), to.path);
    if (!done) co_return fail(done.error());
    co_return 0;
}

}  // namespace cli
