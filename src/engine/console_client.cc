#include "engine/console_client.h"

#include "codec/detach_keys.h"

namespace engine {

Task<Status> send_output(Stream& client, bool framed, codec::Stdio stream, Slice bytes) {
    if (!framed) co_return co_await client.write(std::move(bytes));
    auto header = codec::frame_header(stream, static_cast<std::uint32_t>(bytes.size()));
    std::vector<Slice> parts;
    parts.push_back(Slice::copy_of({header.data(), header.size()}));
    parts.push_back(std::move(bytes));
    co_return co_await client.write_all(std::move(parts));
}

Task<void> ConsoleClient::send_all(Stream& client) {
    for (;;) {
        auto output = co_await viewer_->next();
        if (!output) break;
        Status sent =
            co_await send_output(client, options_.framed, output->stream, std::move(output->bytes));
        if (!sent) break;
    }
    done_.set();
}

Task<void> ConsoleClient::take_input(Stream& client) {
    codec::DetachScanner scanner(options_.detach_keys);
    bool gone = false;
    for (;;) {
        Result<Slice> bytes = co_await client.read();
        gone = !bytes;
        if (!bytes || bytes->empty()) break;
        if (!options_.terminal) {
            if (!co_await console_.write(std::move(*bytes))) co_return;
            continue;
        }
        codec::DetachScanner::Scan scan = scanner.scan(bytes->view());
        if (!scan.pass.empty() && !co_await console_.write(Slice::copy_of(scan.pass))) co_return;
        if (scan.detached) {
            detached_ = true;
            done_.set();
            co_return;
        }
    }
    std::string held = scanner.release();
    if (options_.terminal && !held.empty()) (void)co_await console_.write(Slice::copy_of(held));
    co_await input_ended_();
    if (gone) done_.set();
}

Task<Status> ConsoleClient::run(Stream& client) {
    loop::Stop* outer = co_await loop::this_stop();
    Scope both(loop_, outer);
    both.spawn(send_all(client));
    if (options_.in) both.spawn(take_input(client));
    Status ended = co_await done_.wait();
    co_await both.close();
    viewer_->leave();
    co_await viewer_->let_go();
    co_return ended;
}

}  // namespace engine
