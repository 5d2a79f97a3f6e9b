#include "store/sha256.h"

#include "base/hex.h"

#include <cstdlib>
#include <fmt/core.h>
#include <openssl/evp.h>

namespace store {

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) std::abort();
}

void Sha256::update(std::string_view bytes) {
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) std::abort();
}

std::string Sha256::digest() {
    unsigned char bytes[32];
    if (EVP_DigestFinal_ex(context_.get(), bytes, nullptr) != 1) std::abort();
    return "sha256:" + base::to_hex(bytes);
}

std::string sha256_digest(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.digest();
}

Result<std::string> digest_hex(std::string_view digest) {
    constexpr std::string_view prefix = "sha256:";
    std::string_view hex = digest.starts_with(prefix) ? digest.substr(prefix.size()) : "";
    if (hex.size() != 64 || !base::is_hex(hex))
        return Error(Kind::invalid, fmt::format("invalid digest \"{}\"", digest.substr(0, 128)));
    return std::string(hex);
}

}  // namespace store
