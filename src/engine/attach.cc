#include "engine/attach.h"

#include "base/log.h"
#include "codec/detach_keys.h"
#include "codec/stdcopy.h"

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
    if (container->restarting)
        co_return Error(
            Kind::conflict,
            fmt::format("container {} is restarting, wait until the container is running",
                        short_id));
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

Task<Status> Attached::send(Stream& client, codec::Stdio stream, Slice bytes) {
    if (!options_.framed) co_return co_await client.write(std::move(bytes));
    auto header = codec::frame_header(stream, static_cast<std::uint32_t>(bytes.size()));
    std::vector<Slice> parts;
    parts.push_back(Slice::copy_of({header.data(), header.size()}));
    parts.push_back(std::move(bytes));
    co_return co_await client.write_all(std::move(parts));
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
            CO_TRY_DO(co_await send(client, name, Slice::copy_of(record.text)));
        }
    }
}

Task<void> Attached::send_output(Stream& client) {
    for (;;) {
        auto output = co_await viewer_->next();
        if (!output) break;
        Status sent = co_await send(client, output->stream, std::move(output->bytes));
        if (!sent) break;
    }
    done_.set();
}

Task<void> Attached::take_input(Stream& client) {
    const wire::ContainerConfig& config = container_->record.config;
    codec::DetachScanner scanner(options_.detach_keys);
    bool gone = false;
    for (;;) {
        Result<Slice> bytes = co_await client.read();
        gone = !bytes;
        if (!bytes || bytes->empty()) break;
        if (!config.tty) {
            if (!co_await container_->console.write(std::move(*bytes))) co_return;
            continue;
        }
        codec::DetachScanner::Scan scan = scanner.scan(bytes->view());
        if (!scan.pass.empty() && !co_await container_->console.write(Slice::copy_of(scan.pass)))
            co_return;
        if (scan.detached) {
            detached_ = true;
            done_.set();
            co_return;
        }
    }
    std::string held = scanner.release();
    if (config.tty && !held.empty()) (void)co_await container_->console.write(Slice::copy_of(held));
    if (config.stdin_once && !config.tty) {
        // The end of input may come before the start: it reaches the process all the same.
        if (co_await container_->console.opened()) containers_.close_stdin(*container_);
    }
    if (gone) done_.set();
}

Task<Status> Attached::run(Stream& client) {
    if (log_) CO_TRY_DO(co_await replay(client));
    if (!options_.stream) co_return Status();
    loop::Stop* outer = co_await loop::this_stop();
    Scope both(containers_.loop(), outer);
    both.spawn(send_output(client));
    if (options_.in && container_->record.config.open_stdin) both.spawn(take_input(client));
    Status ended = co_await done_.wait();
    co_await both.close();
    viewer_->leave();
    co_await viewer_->let_go();
    if (detached_) containers_.publish(*container_, "detach");
    co_return ended;
}

}  // namespace engine
