#include "registry/distribution.h"

#include "base/limits.h"
#include "codec/json.h"
#include "store/sha256.h"

#include <fmt/format.h>

namespace registry {

using wire::oci::Descriptor;

Task<Result<Document>> fetch_manifest(Session& session, std::string what, Trouble& trouble) {
    std::string content_type;
    bool pinned = is_digest(what);
    auto bytes = co_await session.document("manifests/" + what, manifest_accept,
                                           limits::manifest_bytes_max, content_type, trouble);
    if (!bytes) co_return std::move(bytes).error();
    std::string digest = store::sha256_digest(*bytes);
    if (pinned && digest != what)
        co_return Error(Kind::invalid,
                        fmt::format("manifest verification failed for digest {}", what));
    CO_TRY(Manifest manifest, parse_manifest(*bytes, content_type));
    auto type = std::visit([](const auto& one) { return one.media_type; }, manifest);
    Document out{std::move(digest), std::move(type), std::move(*bytes), std::move(manifest)};
    co_return std::move(out);
}

Task<Result<std::string>> fetch_config(Session& session, Descriptor config) {
    std::string content_type;
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    auto bytes =
        co_await session.document("blobs/" + config.digest, "",
                                  static_cast<std::size_t>(config.size) + 1, content_type, trouble);
    if (!bytes) co_return std::move(bytes).error().context("image config");
    if (bytes->size() != static_cast<std::size_t>(config.size) ||
        store::sha256_digest(*bytes) != config.digest)
        co_return Error(Kind::invalid, fmt::format("image config verification failed for digest {}",
                                                   config.digest));
    co_return std::move(*bytes);
}

namespace {

// "<target>; rel="next"" gives target; "" when there is no such link.
std::string next_page(std::string_view link) {
    std::size_t end = link.find('>');
    if (!link.starts_with('<') || end == link.npos) return "";
    return std::string(link.substr(1, end - 1));
}

}  // namespace

Task<Result<std::vector<std::string>>> fetch_tags(Session& session, Trouble& trouble) {
    std::vector<std::string> out;
    Session::Call call;
    call.url = session.url_of("tags/list");
    for (;;) {
        std::string here = call.url;
        auto reply = co_await session.send(call, trouble);
        if (!reply) co_return std::move(reply).error();
        CO_TRY(std::string text, co_await session.read_body(*reply, limits::manifest_bytes_max));
        CO_TRY(wire::oci::TagList page, json::read<wire::oci::TagList>(text).context("tags list"));
        if (out.size() + page.tags.size() > tags_max)
            co_return Error(Kind::too_large,
                            fmt::format("repository has more than {} tags", tags_max));
        for (std::string& tag : page.tags) {
            if (!is_tag(tag))
                co_return Error(Kind::invalid, "the registry's list holds an invalid tag");
            out.push_back(std::move(tag));
        }
        std::string next = next_page(reply->header("link"));
        // An empty page that names another one could go on for ever.
        if (next.empty() || page.tags.empty()) co_return out;
        CO_TRY(call.url, session.resolve(here, next));
    }
}

namespace {

Task<Result<Distribution>> inspect_at(Session& session, const Target& target, Trouble& trouble) {
    std::string what = target.digest.empty() ? target.tag : target.digest;
    CO_TRY(Document found, co_await fetch_manifest(session, std::move(what), trouble));
    Distribution out;
    out.descriptor.media_type = found.media_type;
    out.descriptor.digest = found.digest;
    out.descriptor.size = static_cast<std::int64_t>(found.bytes.size());
    out.bytes = std::move(found.bytes);
    if (const auto* index = std::get_if<Index>(&found.manifest)) {
        for (const Descriptor& entry : index->manifests)
            if (entry.platform) out.platforms.push_back(*entry.platform);
        co_return std::move(out);
    }
    // As Docker: a config that cannot be had leaves the platforms empty.
    Descriptor config = std::get<ImageManifest>(found.manifest).config;
    auto text = co_await fetch_config(session, std::move(config));
    if (!text && text.error().kind() == Kind::cancelled) co_return std::move(text).error();
    if (!text) co_return std::move(out);
    auto platform = json::read<Platform>(*text);
    if (platform && !(platform->os + platform->architecture).empty())
        out.platforms.push_back(std::move(*platform));
    co_return std::move(out);
}

}  // namespace

Task<Result<Distribution>> inspect_distribution(const Link& link, Target target, Caller caller) {
    auto endpoints = co_await find_endpoints(link.loop, link.registries, target.domain);
    Error last(Kind::internal, "no endpoints found for " + target.domain);
    for (Endpoint& endpoint : endpoints) {
        Caller here = caller;
        bool mirror = endpoint.mirror;
        if (mirror) here.credentials = {};  // for the registry itself only (R1)
        Session session(link.loop, link.transport, link.settings, std::move(endpoint), target.path,
                        std::move(here));
        Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
        auto found = co_await inspect_at(session, target, trouble);
        if (found || found.error().kind() == Kind::cancelled) co_return std::move(found);
        last = found.error();
        if (trouble.answered() && !mirror) co_return last;
    }
    co_return last;
}

}  // namespace registry
