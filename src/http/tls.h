// TLS as a filter over any stream, with OpenSSL. Errors of verification are in Go's words, which
// Docker's users know.
#pragma once

#include "http/body.h"

#include <memory>
#include <span>
#include <vector>

struct ssl_ctx_st;

namespace http {

struct CertificatePair {
    std::string certificate_file;
    std::string key_file;
};

// How one host is to be verified and answered.
struct TlsOptions {
    bool insecure = false;              // take any certificate
    bool system_authorities = true;     // together with ca_files
    std::vector<std::string> ca_files;  // PEM
    std::vector<CertificatePair> client_certificates;
    std::string version;  // of the files: changes when one of them is replaced

    // Equal for options that trust and show the same.
    std::string key() const;
};

// What Docker's layout says about a registry: every *.crt under <folder>/<host[:port]>/ is an
// authority, every *.cert with its *.key a client certificate. A *.cert without key (or the
// reverse) is an error in Docker's words. Folders that do not exist are skipped. Blocking.
Result<TlsOptions> read_certs_d(std::span<const std::string> folders, const std::string& host);

struct ContextDeleter {
    void operator()(ssl_ctx_st* context) const;
};
using ContextPointer = std::unique_ptr<ssl_ctx_st, ContextDeleter>;

// The client's side of a configuration; made once per host and shared by its connections.
class TlsClient {
public:
    static Result<std::unique_ptr<TlsClient>> create(const TlsOptions& options);
    // Handshake over `inner`: SNI and the certificate's name are checked against `host` (a name or
    // an address).
    Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, std::unique_ptr<Stream> inner,
                                                  std::string host) const;

private:
    TlsClient(ContextPointer context, bool insecure)
        : context_(std::move(context)), insecure_(insecure) {}
    ContextPointer context_;
    bool insecure_;
};

struct TlsServerOptions {
    CertificatePair certificate;
    std::string client_ca_file;  // not empty: clients must show a certificate of this authority
};

class TlsServer {
public:
    static Result<std::unique_ptr<TlsServer>> create(const TlsServerOptions& options);
    struct Accepted {
        std::unique_ptr<Stream> stream;
        std::string client_name;  // common name of the client's certificate
    };
    Task<Result<Accepted>> accept(Loop& loop, std::unique_ptr<Stream> inner) const;
    bool verifies_clients() const { return verifies_clients_; }

private:
    TlsServer(ContextPointer context, bool verifies_clients)
        : context_(std::move(context)), verifies_clients_(verifies_clients) {}
    ContextPointer context_;
    bool verifies_clients_;
};

}  // namespace http
