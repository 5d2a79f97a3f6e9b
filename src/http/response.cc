#include "http/client_connection.h"

#include <fmt/core.h>

namespace http {

Response::Response(Client& client, std::unique_ptr<ClientConnection> connection, Url url)
    : client_(&client), connection_(std::move(connection)),
      head_(connection_->reader.parser().head()), url_(std::move(url)) {}

Response::Response(Response&&) noexcept = default;

Response& Response::operator=(Response&& other) noexcept {
    if (this == &other) return *this;
    let_go();
    client_ = other.client_;
    connection_ = std::move(other.connection_);
    head_ = std::move(other.head_);
    url_ = std::move(other.url_);
    line_rest_ = std::move(other.line_rest_);
    return *this;
}

Response::~Response() {
    let_go();
}

// A connection in the middle of a body is of no use to anybody else.
void Response::let_go() {
    if (!connection_) return;
    std::unique_ptr<ClientConnection> connection = std::move(connection_);
    if (head_.framing == codec::http1::Framing::none || connection->reader.at_end())
        client_->keep(std::move(connection));
}

std::optional<std::uint64_t> Response::length() const {
    using codec::http1::Framing;
    if (head_.framing == Framing::chunked || head_.framing == Framing::until_close)
        return std::nullopt;
    return head_.length;
}

Task<Result<Slice>> Response::read() {
    if (!line_rest_.empty()) co_return std::exchange(line_rest_, Slice());
    if (!connection_ || connection_->reader.at_end()) co_return Slice();
    loop::Milliseconds stall = client_->options_.stall_timeout;
    Task<Result<Slice>> reading = connection_->reader.read_body();
    if (stall.count() == 0) co_return co_await std::move(reading);
    Result<Slice> piece = co_await loop::within(client_->loop_, stall, std::move(reading));
    if (!piece && piece.error().kind() == Kind::timeout)
        co_return Error(Kind::timeout, fmt::format("reading {}: no data for {} s", url_.printable(),
                                                   stall.count() / 1000));
    co_return piece;
}

Task<Result<Slice>> Response::read_all(std::size_t bytes_max) {
    if (length().value_or(0) > bytes_max)
        co_return Error(Kind::too_large, fmt::format("response has more than {} bytes", bytes_max));
    Gather gather(bytes_max);
    for (;;) {
        CO_TRY(Slice piece, co_await read());
        if (piece.empty()) co_return gather.take();
        CO_TRY_DO(gather.add(std::move(piece)));
    }
}

Task<Result<std::optional<std::string>>> Response::read_line(std::size_t bytes_max) {
    std::string line;
    for (;;) {
        CO_TRY(Slice piece, co_await read());
        if (piece.empty()) {
            if (line.empty()) co_return std::optional<std::string>();
            co_return std::optional<std::string>(std::move(line));
        }
        auto newline = piece.view().find('\n');
        std::size_t size = newline == std::string_view::npos ? piece.size() : newline;
        if (line.size() + size > bytes_max)
            co_return Error(Kind::too_large, fmt::format("line has more than {} bytes", bytes_max));
        line += piece.view().substr(0, size);
        if (newline == std::string_view::npos) continue;
        line_rest_ = piece.cut(newline + 1);
        if (line.ends_with('\r')) line.pop_back();
        co_return std::optional<std::string>(std::move(line));
    }
}

std::unique_ptr<Stream> Response::take_stream() {
    assert(connection_);
    Slice early = connection_->reader.take_leftover();
    std::unique_ptr<Stream> stream = std::move(connection_->stream);
    connection_.reset();
    return with_leftover(std::move(stream), std::move(early));
}

}  // namespace http
