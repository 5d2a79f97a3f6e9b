// The filter: OpenSSL between a stream's slabs (through a BIO that reads from a slice) and ours.
#include "base/time.h"
#include "http/tls.h"
#include "loop/wait.h"

#include <arpa/inet.h>
#include <cstring>
#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace http {

namespace {

// Encrypted bytes from the socket, handed to OpenSSL without a buffer in between.
int read_slice(BIO* bio, char* out, int size) {
    auto* input = static_cast<Slice*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (input->empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    std::size_t part = std::min(static_cast<std::size_t>(size), input->size());
    std::memcpy(out, input->data(), part);
    *input = part == input->size() ? Slice() : input->cut(part);
    return static_cast<int>(part);
}

long control_slice(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_PENDING)
        return static_cast<long>(static_cast<Slice*>(BIO_get_data(bio))->size());
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* slice_method() {
    static BIO_METHOD* method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "slice");
        BIO_meth_set_read(made, read_slice);
        BIO_meth_set_ctrl(made, control_slice);
        return made;
    }();
    return method;
}

struct CertificateDeleter {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
using CertificatePointer = std::unique_ptr<X509, CertificateDeleter>;

// OpenSSL forgets a certificate that it has refused; the error is about it, so it is kept
// (application data of the SSL: a CertificatePointer).
int remember_refused(int fine, X509_STORE_CTX* verifying) {
    if (fine == 1) return 1;
    auto* ssl = static_cast<SSL*>(
        X509_STORE_CTX_get_ex_data(verifying, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* refused = static_cast<CertificatePointer*>(SSL_get_app_data(ssl));
    X509* certificate = X509_STORE_CTX_get_current_cert(verifying);
    if (certificate == nullptr) certificate = X509_STORE_CTX_get0_cert(verifying);
    if (refused != nullptr && certificate != nullptr && X509_up_ref(certificate) == 1)
        refused->reset(certificate);
    return 0;
}

struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

std::string asn1_time_text(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return "?";
    char text[32];
    return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

// "a.example, b.example": what the certificate is good for.
std::string names_of(X509* certificate) {
    std::string text;
    auto* names = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
        std::string one;
        if (name->type == GEN_DNS) {
            one.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                       static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        } else if (name->type == GEN_IPADD) {
            char address[INET6_ADDRSTRLEN] = "";
            int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
            ::inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), address, sizeof address);
            one = address;
        }
        if (one.empty()) continue;
        if (!text.empty()) text += ", ";
        text += one;
    }
    GENERAL_NAMES_free(names);
    return text;
}

bool is_address(const std::string& host) {
    in6_addr address;
    return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Go's sentence for a failed verification.
std::string verify_text(long code, X509* certificate, const std::string& host) {
    std::string now = base::rfc3339_nano(Time{base::now().seconds() * 1000000000});
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return fmt::format("x509: certificate has expired or is not yet valid: current time {} is "
                           "after {}",
                           now,
                           asn1_time_text(certificate ? X509_get0_notAfter(certificate) : nullptr));
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return fmt::format(
            "x509: certificate has expired or is not yet valid: current time {} is "
            "before {}",
            now, asn1_time_text(certificate ? X509_get0_notBefore(certificate) : nullptr));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
        std::string names = certificate ? names_of(certificate) : "";
        if (names.empty() && is_address(host))
            return fmt::format("x509: cannot validate certificate for {} because it doesn't "
                               "contain any IP SANs",
                               host);
        if (names.empty())
            return fmt::format("x509: certificate is not valid for any names, but wanted to match "
                               "{}",
                               host);
        return fmt::format("x509: certificate is valid for {}, not {}", names, host);
    }
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "x509: certificate signed by unknown authority";
    default:
        return fmt::format("x509: {}", X509_verify_cert_error_string(code));
    }
}

class TlsStream final : public Stream {
public:
    TlsStream(Loop& loop, std::unique_ptr<Stream> inner, SSL_CTX* context)
        : inner_(std::move(inner)), sending_(loop), ssl_(SSL_new(context)) {
        BIO* in = BIO_new(slice_method());
        BIO_set_data(in, &encrypted_);
        BIO_set_init(in, 1);
        SSL_set_bio(ssl_.get(), in, BIO_new(BIO_s_mem()));
        SSL_set_app_data(ssl_.get(), &refused_);
        int mode = SSL_get_verify_mode(ssl_.get());
        if (mode != SSL_VERIFY_NONE) SSL_set_verify(ssl_.get(), mode, remember_refused);
    }

    Task<Status> handshake(std::string host) {
        for (;;) {
            ERR_clear_error();
            int done = SSL_do_handshake(ssl_.get());
            int what = SSL_get_error(ssl_.get(), done);
            // An alert goes out also when the handshake has failed.
            Status sent = co_await flush();
            if (done == 1) co_return sent;
            if (what != SSL_ERROR_WANT_READ) co_return failure(host);
            if (!sent) co_return sent;
            CO_TRY(bool more, co_await more_input());
            if (!more) co_return Error(Kind::unavailable, "tls: handshake failure: EOF");
        }
    }

    Task<Result<Slice>> read() override {
        for (;;) {
            Slab* slab = Slab::make();
            std::size_t filled = 0;
            int what = SSL_ERROR_NONE;
            // As many records as have arrived, into one slab.
            while (what == SSL_ERROR_NONE && filled < slab->capacity()) {
                ERR_clear_error();
                std::size_t got = 0;
                int done =
                    SSL_read_ex(ssl_.get(), slab->data() + filled, slab->capacity() - filled, &got);
                filled += got;
                if (done != 1) what = SSL_get_error(ssl_.get(), done);
            }
            Slice decrypted(slab, 0, filled);
            slab = nullptr;
            if (BIO_pending(SSL_get_wbio(ssl_.get())) > 0) CO_TRY_DO(co_await flush());
            if (filled > 0) co_return shrink(std::move(decrypted));
            decrypted = Slice();
            if (what == SSL_ERROR_ZERO_RETURN) co_return Slice();
            if (what != SSL_ERROR_WANT_READ) co_return failure("");
            CO_TRY(bool more, co_await more_input());
            // Without the peer's closing alert anybody may have cut the connection.
            if (!more) co_return Error(Kind::unavailable, "unexpected EOF");
        }
    }

    Task<Status> write(Slice bytes) override {
        while (!bytes.empty()) {
            // 64 KiB at most wait encrypted in memory.
            Slice part = bytes.cut(0, base::slab_bytes);
            ERR_clear_error();
            std::size_t taken = 0;
            if (SSL_write_ex(ssl_.get(), part.data(), part.size(), &taken) != 1)
                co_return failure("");
            bytes = bytes.cut(taken);
            CO_TRY_DO(co_await flush());
        }
        co_return Status();
    }

    Task<Status> shutdown() override {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
        ERR_clear_error();
        CO_TRY_DO(co_await flush());
        co_return Status();
    }
    Task<Status> hung_up() override { return inner_->hung_up(); }
    void close() override { inner_->close(); }
    int fd() const override { return inner_->fd(); }

    SSL* ssl() { return ssl_.get(); }

private:
    static Slice shrink(Slice slice) {
        constexpr std::size_t small_bytes = 2048;
        return slice.size() > small_bytes ? slice : Slice::copy_of(slice.view());
    }

    Task<Result<bool>> more_input() {
        CO_TRY(encrypted_, co_await inner_->read());
        if (first_bytes_.size() < 5) first_bytes_ += encrypted_.view().substr(0, 5);
        co_return !encrypted_.empty();
    }

    // Reader and writer both may have records to send; they must leave in the order they were made.
    Task<Status> flush() {
        CO_TRY(auto lock, co_await sending_.lock());
        for (;;) {
            BIO* out = SSL_get_wbio(ssl_.get());
            char* data = nullptr;
            long size = BIO_get_mem_data(out, &data);
            if (size <= 0) co_return Status();
            Slice records = Slice::copy_of(std::string_view(data, static_cast<std::size_t>(size)));
            (void)BIO_reset(out);
            CO_TRY_DO(co_await inner_->write(std::move(records)));
        }
    }

    Error failure(const std::string& host) {
        unsigned long code = ERR_peek_error();
        Error error(Kind::unavailable, "tls: connection failure");
        if (SSL_get_verify_result(ssl_.get()) != X509_V_OK &&
            ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
            error = Error(
                Kind::unavailable,
                fmt::format("tls: failed to verify certificate: {}",
                            verify_text(SSL_get_verify_result(ssl_.get()), refused_.get(), host)));
        else if (first_bytes_.starts_with("HTTP/"))
            error = Error(Kind::unavailable, "http: server gave HTTP response to HTTPS client");
        else if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
            error =
                Error(Kind::unavailable, "tls: first record does not look like a TLS handshake");
        else if (const char* reason = ERR_reason_error_string(code))
            error = Error(Kind::unavailable, fmt::format("remote error: tls: {}", reason));
        ERR_clear_error();
        return error;
    }

    std::unique_ptr<Stream> inner_;
    Slice encrypted_;
    std::string first_bytes_;
    loop::Mutex sending_;
    CertificatePointer refused_;
    std::unique_ptr<SSL, SslDeleter> ssl_;
};

}  // namespace

Task<Result<std::unique_ptr<Stream>>> TlsClient::connect(Loop& loop, std::unique_ptr<Stream> inner,
                                                         std::string host) const {
    auto stream = std::make_unique<TlsStream>(loop, std::move(inner), context_.get());
    SSL* ssl = stream->ssl();
    SSL_set_connect_state(ssl);
    if (is_address(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
    } else {
        SSL_set_tlsext_host_name(ssl, host.c_str());
        if (!insecure_) SSL_set1_host(ssl, host.c_str());
    }
    CO_TRY_DO(co_await stream->handshake(host));
    std::unique_ptr<Stream> ready = std::move(stream);
    co_return ready;
}

Task<Result<TlsServer::Accepted>> TlsServer::accept(Loop& loop,
                                                    std::unique_ptr<Stream> inner) const {
    auto stream = std::make_unique<TlsStream>(loop, std::move(inner), context_.get());
    SSL* ssl = stream->ssl();
    SSL_set_accept_state(ssl);
    CO_TRY_DO(co_await stream->handshake(""));
    Accepted accepted;
    if (X509* certificate = SSL_get0_peer_certificate(ssl)) {
        char name[256] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                  sizeof name);
        accepted.client_name = name;
    }
    accepted.stream = std::move(stream);
    co_return accepted;
}

}  // namespace http
