// SHA-256 as OpenSSL computes it (with the CPU's own instructions where there are some), and
// digests in their text form "sha256:<64 hex digits>", which is also the only form used for file
// names.
#pragma once

#include "base/error.h"

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace store {

class Sha256 {
public:
    Sha256();
    void update(std::string_view bytes);
    // "sha256:..."; ends the computation.
    std::string digest();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string sha256_digest(std::string_view bytes);
// The hex part of a well-formed "sha256:..." digest (64 lower-case digits), else an error: what is
// used as a file name comes from here only (security-cases T11).
Result<std::string> digest_hex(std::string_view digest);

}  // namespace store
