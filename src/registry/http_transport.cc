#include "registry/http_transport.h"

namespace registry {
namespace {

class ResponseBody final : public Body {
public:
    explicit ResponseBody(http::Response response) : response_(std::move(response)) {}
    Task<Result<Slice>> read() override { return response_.read(); }

private:
    http::Response response_;
};

http::ClientOptions client_options(const Registries& registries, http::ProxyConfig proxy) {
    http::ClientOptions options;
    // The session knows how long each answer may take: a commit of gigabytes longer than a HEAD.
    options.head_timeout = loop::Milliseconds(0);
    options.proxy = std::move(proxy);
    // By the host of each request, redirects included: a mark of insecurity is for one host only.
    options.tls_for = [&registries](const http::Url& url) -> Result<http::TlsOptions> {
        std::string host = url.host_header();
        TRY(http::TlsOptions tls, http::read_certs_d(registries.settings().certs_folders, host));
        if (registries.is_insecure(host) || registries.is_insecure(url.authority()))
            tls.insecure = true;
        return tls;
    };
    return options;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

}  // namespace

HttpTransport::HttpTransport(Loop& loop, const Registries& registries, http::ProxyConfig proxy)
    : client_(loop, client_options(registries, std::move(proxy))) {}

Task<Result<Reply>> HttpTransport::send(Request request) {
    http::ClientRequest out;
    CO_TRY(out.url, codec::parse_url(request.url));
    out.method = std::move(request.method);
    for (auto& [name, value] : request.headers)
        out.headers.add(std::move(name), std::move(value));
    if (!request.body.empty()) out.body = Slice::copy_of(request.body);
    if (request.source) {
        out.source = std::move(request.source);
        out.source_length = request.source_length;
        out.follow_redirects = false;
    }
    auto response = co_await client_.send(std::move(out));
    if (!response) co_return std::move(response).error();
    Reply reply;
    reply.status = static_cast<unsigned>(response->status());
    for (const auto& [name, value] : response->headers())
        reply.headers.emplace_back(lower(name), value);
    reply.body = std::make_unique<ResponseBody>(std::move(*response));
    co_return std::move(reply);
}

}  // namespace registry
