#include "registry/auth.h"

#include "base/text.h"
#include "codec/base64.h"
#include "codec/http1.h"
#include "codec/json.h"

#include <array>
#include <cstdint>
#include <fmt/format.h>

namespace registry {
namespace {

std::string printable(std::string_view text) {
    std::string out;
    for (char c : text.substr(0, 1024))
        out += static_cast<unsigned char>(c) >= 0x20 && c != 0x7f ? c : ' ';
    return out;
}

// "MANIFEST_UNKNOWN" -> "manifest unknown"
std::string words(std::string_view code) {
    std::string out;
    for (char c : printable(code).substr(0, 64))
        out += c == '_' ? ' ' : base::lower(c);
    return out;
}

}  // namespace

Credentials parse_registry_auth(std::string_view header) {
    if (header.empty() || header.size() > 64 * 1024) return {};
    std::optional<std::string> text = codec::unbase64(header);
    if (!text) return {};
    auto config = json::read<wire::oci::AuthConfig>(*text);
    if (!config) return {};
    return credentials_of(std::move(*config));
}

Credentials credentials_of(wire::oci::AuthConfig config) {
    Credentials out{std::move(config.username), std::move(config.password),
                    std::move(config.identity_token), std::move(config.registry_token)};
    if (out.username.empty() && !config.auth.empty())
        if (auto pair = codec::unbase64(config.auth)) {
            std::size_t colon = pair->find(':');
            if (colon != std::string::npos && pair->find('\0') == std::string::npos) {
                out.username = pair->substr(0, colon);
                out.password = pair->substr(colon + 1);
            }
        }
    // These stand in a header line of their own: anything that could end the line is no token.
    auto clean = [](std::string& value) {
        for (char c : value)
            if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return value.clear();
    };
    clean(out.identity_token);
    clean(out.registry_token);
    return out;
}

std::string basic_header(const Credentials& credentials) {
    return "Basic " + codec::base64(credentials.username + ":" + credentials.password);
}

std::string Refusal::text() const {
    if (code.empty())
        return fmt::format("received unexpected HTTP status: {} {}", status,
                           codec::http1::reason_phrase(static_cast<int>(status)));
    return message.empty() ? words(code) : fmt::format("{}: {}", words(code), message);
}

Kind Refusal::kind() const {
    if (status == 401) return Kind::unauthorized;
    if (status == 403) return Kind::denied;
    if (status == 404) return Kind::missing;
    return Kind::internal;
}

Refusal read_refusal(unsigned status, std::string_view authenticate, std::string_view body) {
    Refusal out{.status = status, .code = {}, .message = {}, .retry_after = {}};
    // As the distribution client: RFC 6750's error in the challenge comes first.
    std::vector<Challenge> challenges = parse_challenges(authenticate);
    if (const Challenge* bearer = find_challenge(challenges, "bearer")) {
        std::string_view error = bearer->parameter("error");
        if (error == "insufficient_scope") {
            out.code = "DENIED";
            out.message = "requested access to the resource is denied";
            return out;
        }
        if (error == "invalid_token") {
            out.code = "UNAUTHORIZED";
            out.message = "authentication required";
            return out;
        }
    }
    auto reply = json::read<wire::oci::ErrorReply>(body);
    if (reply && !reply->errors.empty() && !reply->errors[0].code.empty()) {
        out.code = printable(reply->errors[0].code);
        out.message = printable(reply->errors[0].message);
    } else if (reply && !(reply->details + reply->message).empty()) {
        out.code = status == 401   ? "UNAUTHORIZED"
                   : status == 403 ? "DENIED"
                   : status == 429 ? "TOOMANYREQUESTS"
                                   : "UNKNOWN";
        out.message = printable(reply->details.empty() ? reply->message : reply->details);
    } else if (status == 401) {
        out.code = "UNAUTHORIZED";
        out.message = "authentication required";
    } else if (status == 403) {
        out.code = "DENIED";
        out.message = "requested access to the resource is denied";
    } else if (status == 429) {
        out.code = "TOOMANYREQUESTS";
        out.message = "too many requests";
    }
    return out;
}

Error pull_refused(const Refusal& refusal, std::string_view name, std::string_view reference) {
    if (refusal.code == "DENIED")
        return Error(Kind::missing,
                     fmt::format("pull access denied for {}, repository does not exist or may "
                                 "require 'docker login': {}",
                                 name, refusal.text()));
    if (refusal.code == "MANIFEST_UNKNOWN")
        return Error(Kind::missing,
                     fmt::format("manifest for {} not found: {}", reference, refusal.text()));
    if (refusal.code == "NAME_UNKNOWN")
        return Error(Kind::missing,
                     fmt::format("repository {} not found: {}", name, refusal.text()));
    if (refusal.status == 404 && refusal.code.empty())
        return Error(Kind::missing,
                     fmt::format("manifest for {} not found: manifest unknown: manifest unknown",
                                 reference));
    return Error(refusal.kind(), refusal.text());
}

}  // namespace registry
