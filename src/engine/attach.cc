#include "engine/attach.h"

#include "base/log.h"
#include "engine/console_client.h"

#include <fmt/format.h>

namespace engine {

Task<Result<std::unique_ptr<Attached>>>
Attached::open(Containers& containers, ContainerPtr container, AttachOptions options) {
    std::string short_id = container->id();
    if (container->removing || container->removed)
        co_return Error(Kind::conflict,
                        fmt::format("container {} is marked for removal", short_id));
    if (container->paused)
        co_return Error(
            Kind::conflict,
            fmt::format("container {} is paused, unpause the container before attach", short_id));
    if (container->restarting) co_return is_restarting(*container);
    std::unique_ptr<Attached> attached(
        new Attached(containers, std::move(container), std::move(options)));
    const AttachOptions& wanted = attached->options_;
    Time until;
    if (wanted.stream)
        attached->viewer_ =
            co_await attached->container_->console.view_after_log(wanted.out, wanted.err, until);
    if (wanted.logs) {
        store::LogQuery query;
        query.until = until.is_never() ? base::now() : until;
        CO_TRY(store::LogReader reader, co_await containers.open_log(attached->container_, query));
        attached->log_.emplace(std::move(reader));
    }
    containers.publish(*attached->container_, "attach");
    co_return attached;
}

Attached::~Attached() {
    if (viewer_) viewer_->leave();
}

Task<Status> Attached::replay(Stream& client) {
    std::vector<codec::LogRecord> records;
    for (;;) {
        CO_TRY(records, co_await containers_.workers().run(
                            loop::Lane::quick,
                            [](store::LogReader* log) -> Result<std::vector<codec::LogRecord>> {
                                std::vector<codec::LogRecord> some;
                                TRY_DO(log->read(some));
                                return some;
                            },
                            &*log_));
        if (records.empty()) co_return Status();
        for (const codec::LogRecord& record : records) {
            bool is_err = record.stream == codec::LogStream::err;
            if (is_err ? !options_.err : !options_.out) continue;
            codec::Stdio name = is_err ? codec::Stdio::err : codec::Stdio::out;
            CO_TRY_DO(
                co_await send_output(client, options_.framed, name, Slice::copy_of(record.text)));
        }
    }
}

// The end of input may come before the start: it reaches the process all the same.
Task<void> Attached::input_ended() {
    const wire::ContainerConfig& config = container_->record.config;
    if (!config.stdin_once || config.tty) co_return;
    if (co_await container_->console.opened()) containers_.close_stdin(*container_);
}

Task<Status> Attached::run(Stream& client) {
    if (log_) CO_TRY_DO(co_await replay(client));
    if (!options_.stream) co_return Status();
    const wire::ContainerConfig& config = container_->record.config;
    ClientOptions options{.in = options_.in && config.open_stdin,
                          .framed = options_.framed,
                          .terminal = config.tty,
                          .detach_keys = options_.detach_keys};
    ConsoleClient session(containers_.loop(), container_->console, viewer_, std::move(options),
                          [this] { return input_ended(); });
    Status ended = co_await session.run(client);
    if (session.detached()) containers_.publish(*container_, "detach");
    co_return ended;
}

}  // namespace engine
