// pull_tool DATA-ROOT REFERENCE [options]: pulls into a data root without the daemon, for the tests
// of faults and for measuring. Prints each progress change as "id|status|current|total", then the
// image id. Options: --mirror URL, --insecure HOST, --platform P, --auth BASE64, --attempts N,
// --stall MS,
// --list, --remove REF, --twice (two clients at once), --downloads N
#include "engine/images.h"
#include "registry/http_transport.h"
#include "registry/pusher.h"
#include "registry/reference.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <sys/resource.h>
#include <thread>

namespace {

struct Options {
    std::string data_root, reference, remove;
    registry::Settings registries;
    registry::PullSettings pull;
    std::optional<registry::Platform> platform;
    registry::Credentials credentials;
    bool list = false, twice = false;
};

class Printer final : public registry::ProgressSink {
public:
    explicit Printer(const char* prefix) : prefix_(prefix) {}
    void progress(registry::Progress what) override {
        fmt::print("{}{}|{}|{}|{}\n", prefix_, what.id, what.status, what.current, what.total);
        std::fflush(stdout);
    }

private:
    const char* prefix_;
};

Task<void> one_pull(engine::Images& images, const Options& options, registry::Target target,
                    const char* prefix, int& exit_code) {
    Printer printer(prefix);
    engine::PullOrder order{.target = std::move(target),
                            .platform = options.platform,
                            .caller = {.credentials = options.credentials, .headers = {}}};
    auto id = co_await images.pull(std::move(order), printer);
    if (id) {
        fmt::print("{}{}\n", prefix, *id);
    } else {
        fmt::print(stderr, "error: {} kind={}\n", id.error().message(),
                   base::kind_name(id.error().kind()));
        exit_code = 1;
    }
}

Task<void> work(Loop& loop, engine::Images& images, const Options& options, int& exit_code) {
    Status loaded = co_await images.load();
    if (loaded) loaded = co_await images.sweep();
    if (!loaded) {
        fmt::print(stderr, "error: {}\n", loaded.error().message());
        exit_code = 1;
        co_return;
    }
    if (!options.reference.empty()) {
        auto target = registry::parse_reference(options.reference);
        if (!target) {
            fmt::print(stderr, "error: {}\n", target.error().message());
            exit_code = 1;
            co_return;
        }
        Scope scope(loop, co_await loop::this_stop());
        scope.spawn(one_pull(images, options, *target, "", exit_code));
        if (options.twice) scope.spawn(one_pull(images, options, *target, "2:", exit_code));
        co_await scope.join();
    }
    if (!options.remove.empty()) {
        engine::RemoveOrder order{.reference = options.remove};
        auto removed = co_await images.remove(std::move(order));
        if (!removed) {
            fmt::print(stderr, "error: {}\n", removed.error().message());
            exit_code = 1;
        } else {
            for (const auto& line : *removed)
                fmt::print("{}\n", line.untagged.empty() ? "Deleted: " + line.deleted
                                                         : "Untagged: " + line.untagged);
        }
    }
    if (options.list)
        if (auto list = images.list({}))
            for (const engine::ListedImage& one : *list)
                fmt::print("image {} {} {}\n", one.image->record.id,
                           fmt::join(one.image->record.tags, ","), one.image->record.size);
    co_await images.close();
}

Options parse(int argc, char** argv) {
    Options out;
    std::vector<std::string> words;
    for (int i = 1; i < argc; ++i) {
        std::string arg = argv[i];
        auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
        if (arg == "--mirror")
            out.registries.mirrors.push_back(value());
        else if (arg == "--insecure")
            out.registries.insecure.push_back(value());
        else if (arg == "--certs")
            out.registries.certs_folders.push_back(value());
        else if (arg == "--auth")
            out.credentials = registry::parse_registry_auth(value());
        else if (arg == "--attempts")
            out.pull.retry.attempts_max = static_cast<unsigned>(std::atoi(value().c_str()));
        else if (arg == "--stall")
            out.pull.stall_timeout = out.pull.answer_timeout =
                std::chrono::milliseconds(std::atoi(value().c_str()));
        else if (arg == "--downloads")
            out.pull.concurrent_downloads_max = static_cast<unsigned>(std::atoi(value().c_str()));
        else if (arg == "--remove")
            out.remove = value();
        else if (arg == "--list")
            out.list = true;
        else if (arg == "--twice")
            out.twice = true;
        else if (arg == "--platform") {
            auto platform = registry::parse_platform(value());
            if (platform) out.platform = *platform;
        } else
            words.push_back(arg);
    }
    if (!words.empty()) out.data_root = words[0];
    if (words.size() > 1) out.reference = words[1];
    out.pull.retry.first_delay = std::chrono::milliseconds(50);
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    Options options = parse(argc, argv);
    if (options.data_root.empty()) {
        fmt::print(stderr, "usage: pull_tool DATA-ROOT [REFERENCE] [options]\n");
        return 2;
    }
    auto registries = registry::Registries::create(options.registries);
    auto store = store::Store::open(options.data_root);
    if (!registries || !store) {
        fmt::print(stderr, "error: {}\n",
                   (!registries ? registries.error() : store.error()).message());
        return 1;
    }
    int exit_code = 0;
    {
        Loop loop;
        Workers workers(loop, std::max(1U, std::thread::hardware_concurrency()));
        registry::HttpTransport transport(workers, *registries, {});
        registry::Puller puller(loop, workers, **store, transport, *registries, options.pull);
        registry::Pusher pusher(loop, workers, **store, transport, *registries, {});
        engine::Events events(loop);
        engine::Images images(loop, workers, **store, puller, pusher, events);
        auto all = [](Loop& l, engine::Images& i, registry::HttpTransport& t, const Options& o,
                      int& code) -> Task<void> {
            co_await work(l, i, o, code);
            t.close_idle();
        };
        if (!loop.run(all(loop, images, transport, options, exit_code))) {
            fmt::print(stderr, "deadlock\n");
            return 3;
        }
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    fmt::print(stderr, "rusage user={:.2f} system={:.2f} maxrss_kb={}\n",
               static_cast<double>(usage.ru_utime.tv_sec) +
                   static_cast<double>(usage.ru_utime.tv_usec) / 1e6,
               static_cast<double>(usage.ru_stime.tv_sec) +
                   static_cast<double>(usage.ru_stime.tv_usec) / 1e6,
               usage.ru_maxrss);
    return exit_code;
}
