// Which certificates are trusted and shown: OpenSSL contexts from options, options from certs.d.
#include "http/tls.h"

#include <algorithm>
#include <dirent.h>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

namespace http {

namespace {

// What OpenSSL has to say about the last call, in one line; clears its queue.
std::string openssl_text() {
    char text[256] = "unknown error";
    unsigned long code = ERR_peek_last_error();
    if (code != 0) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return text;
}

Result<ContextPointer> new_context(const SSL_METHOD* method) {
    ContextPointer context(SSL_CTX_new(method));
    if (!context) return Error(Kind::internal, fmt::format("tls: {}", openssl_text()));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    // Buffers of idle connections go back: a kept connection costs little.
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

Status use_pair(SSL_CTX* context, const CertificatePair& pair) {
    if (SSL_CTX_use_certificate_chain_file(context, pair.certificate_file.c_str()) != 1)
        return Error(Kind::invalid, fmt::format("tls: failed to load certificate {}: {}",
                                                pair.certificate_file, openssl_text()));
    if (SSL_CTX_use_PrivateKey_file(context, pair.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return Error(Kind::invalid,
                     fmt::format("tls: failed to load key {}: {}", pair.key_file, openssl_text()));
    return {};
}

Result<std::vector<std::string>> names_in(const std::string& folder) {
    std::vector<std::string> names;
    DIR* dir = ::opendir(folder.c_str());
    if (dir == nullptr) {
        if (errno == ENOENT || errno == ENOTDIR) return names;
        return base::errno_error(errno, "open " + folder);
    }
    while (const dirent* entry = ::readdir(dir))
        names.emplace_back(entry->d_name);
    ::closedir(dir);
    std::ranges::sort(names);
    return names;
}

// A file replaced under its old name is another one.
std::string version_of(const std::string& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return "-";
    return fmt::format("{}.{}.{}.{};", info.st_ino, info.st_size, info.st_mtim.tv_sec,
                       info.st_mtim.tv_nsec);
}

}  // namespace

std::string TlsOptions::key() const {
    std::string text =
        fmt::format("{}{}{}", insecure ? 'i' : 'v', system_authorities ? 's' : '-', version);
    for (const std::string& file : ca_files)
        text += '\n' + file;
    for (const CertificatePair& pair : client_certificates)
        text += fmt::format("\n{}\n{}", pair.certificate_file, pair.key_file);
    return text;
}

void ContextDeleter::operator()(ssl_ctx_st* context) const {
    SSL_CTX_free(context);
}

Result<TlsOptions> read_certs_d(std::span<const std::string> folders, const std::string& host) {
    TlsOptions options;
    // The host becomes a folder name: nothing that could lead elsewhere.
    if (host.empty() || host.find('/') != host.npos || host.starts_with('.')) return options;
    for (const std::string& root : folders) {
        std::string folder = root + "/" + host;
        TRY(std::vector<std::string> names, names_in(folder));
        auto has = [&](const std::string& name) { return std::ranges::binary_search(names, name); };
        for (const std::string& name : names) {
            if (name.ends_with(".crt")) {
                options.ca_files.push_back(folder + "/" + name);
                options.version += version_of(folder + "/" + name);
            } else if (name.ends_with(".cert")) {
                std::string key = name.substr(0, name.size() - 5) + ".key";
                if (!has(key))
                    return Error(Kind::invalid,
                                 fmt::format("missing key {} for client certificate {}. CA "
                                             "certificates must use the extension .crt",
                                             key, name));
                options.client_certificates.push_back({folder + "/" + name, folder + "/" + key});
                options.version += version_of(folder + "/" + name) + version_of(folder + "/" + key);
            } else if (name.ends_with(".key")) {
                std::string certificate = name.substr(0, name.size() - 4) + ".cert";
                if (!has(certificate))
                    return Error(
                        Kind::invalid,
                        fmt::format("missing client certificate {} for key {}", certificate, name));
            }
        }
    }
    return options;
}

Result<std::unique_ptr<TlsClient>> TlsClient::create(const TlsOptions& options) {
    TRY(ContextPointer context, new_context(TLS_client_method()));
    // The system's authorities are looked up by hash in their folder when one is needed: parsing
    // the whole bundle would cost each context some megabytes.
    if (options.system_authorities) SSL_CTX_set_default_verify_paths(context.get());
    for (const std::string& file : options.ca_files)
        if (SSL_CTX_load_verify_file(context.get(), file.c_str()) != 1)
            return Error(Kind::invalid, fmt::format("tls: failed to load certificate authority "
                                                    "{}: {}",
                                                    file, openssl_text()));
    for (const CertificatePair& pair : options.client_certificates)
        TRY_DO(use_pair(context.get(), pair));
    ERR_clear_error();
    SSL_CTX_set_verify(context.get(), options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       nullptr);
    return std::unique_ptr<TlsClient>(new TlsClient(std::move(context), options.insecure));
}

Result<std::unique_ptr<TlsServer>> TlsServer::create(const TlsServerOptions& options) {
    TRY(ContextPointer context, new_context(TLS_server_method()));
    TRY_DO(use_pair(context.get(), options.certificate));
    bool verifies = !options.client_ca_file.empty();
    if (verifies) {
        const char* file = options.client_ca_file.c_str();
        if (SSL_CTX_load_verify_file(context.get(), file) != 1)
            return Error(Kind::invalid,
                         fmt::format("tls: failed to load certificate authority {}: {}", file,
                                     openssl_text()));
        SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(file));
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           nullptr);
    }
    static constexpr unsigned char session_context[] = "lighter";
    SSL_CTX_set_session_id_context(context.get(), session_context, sizeof session_context - 1);
    return std::unique_ptr<TlsServer>(new TlsServer(std::move(context), verifies));
}

}  // namespace http
