#include "registry/partial.h"

#include "base/log.h"

#include <fmt/format.h>

namespace registry {

using codec::chunked::Span;

namespace {

Result<bool> look_for_contents(store::Store* store) {
    return store::any_contents(store->layers());
}

Result<std::unique_ptr<store::Assembly>> plan_work(store::Store* store,
                                                   codec::chunked::Layout layout,
                                                   std::string tables, std::uint64_t blob_bytes) {
    return store::plan_partial(store->layers(), std::move(layout), std::move(tables), blob_bytes);
}

Task<Result<std::string>> fetch_span(Session& session, std::string digest, Span span,
                                     std::uint64_t blob_bytes) {
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    bool refused = false;
    CO_TRY(Reply reply,
           co_await open_span(session, std::move(digest), span, blob_bytes, trouble, refused));
    co_return co_await session.read_body(reply, span.size());
}

}  // namespace

Task<Result<Reply>> open_span(Session& session, std::string digest, Span span,
                              std::uint64_t blob_bytes, Trouble& trouble, bool& refused) {
    HeaderList headers{{"Accept-Encoding", "identity"},
                       {"Range", fmt::format("bytes={}-{}", span.begin, span.end - 1)}};
    trouble.failure = {};
    trouble.refusal = {};
    auto reply = co_await session.request("GET", "blobs/" + digest, std::move(headers), trouble);
    if (!reply) {
        unsigned status = trouble.refusal.status;
        refused = status >= 400 && !is_passing(status);
        co_return std::move(reply);
    }
    std::string begin = fmt::format("bytes {}-{}/", span.begin, span.end - 1);
    std::string range = reply->header("content-range");
    if (reply->status == 206 &&
        (range == begin + "*" || range == begin + fmt::format("{}", blob_bytes)))
        co_return std::move(reply);
    refused = true;
    co_return Error(Kind::invalid,
                    fmt::format("registry does not answer by range (status {})", reply->status));
}

Task<std::unique_ptr<store::Assembly>> plan_partial(Workers& workers, store::Store& store,
                                                    Session& session,
                                                    const wire::oci::Descriptor& blob,
                                                    codec::chunked::Layout layout) {
    auto size = static_cast<std::uint64_t>(blob.size);
    auto tables = store::tables_of(layout);
    if (!tables || size < store::partial_blob_bytes_min) co_return nullptr;
    auto any = co_await workers.run(loop::Lane::quick, look_for_contents, &store);
    if (!any || !*any) co_return nullptr;
    auto bytes = co_await fetch_span(session, blob.digest, *tables, size);
    if (!bytes) {
        base::log::debug("no partial pull digest={} reason={:?}", blob.digest,
                         bytes.error().message());
        co_return nullptr;
    }
    auto plan = co_await workers.run(loop::Lane::heavy, plan_work, &store, std::move(layout),
                                     std::move(*bytes), size);
    if (!plan) {
        base::log::debug("no partial pull digest={} reason={:?}", blob.digest,
                         plan.error().message());
        co_return nullptr;
    }
    if (*plan)
        base::log::debug("partial pull digest={} bytes={} of={} requests={}", blob.digest,
                         (*plan)->plan().stream.size() + tables->size(), size,
                         (*plan)->plan().stream.spans().size());
    co_return std::move(*plan);
}

}  // namespace registry
