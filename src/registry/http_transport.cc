#include "registry/http_transport.h"

#include "base/text.h"

namespace registry {
namespace {

class ResponseBody final : public Body {
public:
    explicit ResponseBody(http::Response response) : response_(std::move(response)) {}
    Task<Result<Slice>> read() override { return response_.read(); }

private:
    http::Response response_;
};

http::ClientOptions client_options(http::ProxyConfig proxy) {
    http::ClientOptions options;
    // The session knows how long each answer may take: a commit of gigabytes longer than a HEAD.
    options.head_timeout = loop::Milliseconds(0);
    options.proxy = std::move(proxy);
    return options;
}

Result<http::TlsOptions> read_certificates(std::vector<std::string> folders, std::string host) {
    return http::read_certs_d(folders, host);
}

}  // namespace

HttpTransport::HttpTransport(Workers& workers, const Registries& registries,
                             http::ProxyConfig proxy)
    : workers_(workers), registries_(registries),
      client_(workers.loop(), client_options(std::move(proxy))) {}

// As Docker: a registry's authorities count for its token service and for where it redirects to as
// well. Read for each request, so that a certificate put there is used at once. Unlike Docker, a
// mark of insecurity and the client certificate do not follow a redirect to another host.
Task<Result<http::TlsRules>> HttpTransport::rules(Trust trust, const http::Url& url) {
    http::TlsOptions certificates;
    if (url.https() && !trust.registry.empty()) {
        std::vector<std::string> folders = registries_.settings().certs_folders;
        CO_TRY(certificates, co_await workers_.run(loop::Lane::quick, read_certificates,
                                                   std::move(folders), trust.registry));
    }
    std::string place = trust.elsewhere ? "" : url.authority();
    co_return [this, place = std::move(place), verify = trust.verify,
               certificates = std::move(certificates)](const http::Url& host) {
        http::TlsOptions options = certificates;
        if (host.authority() == place) {
            options.insecure = !verify;
        } else {
            options.client_certificates.clear();
            options.insecure = registries_.is_insecure(host.host_header()) ||
                               registries_.is_insecure(host.authority());
        }
        return options;
    };
}

Task<Result<Reply>> HttpTransport::send(Request request) {
    http::ClientRequest out;
    CO_TRY(out.url, codec::parse_url(request.url));
    CO_TRY(out.tls_for, co_await rules(std::move(request.trust), out.url));
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
        reply.headers.emplace_back(base::lowered(name), value);
    reply.body = std::make_unique<ResponseBody>(std::move(*response));
    co_return std::move(reply);
}

}  // namespace registry
