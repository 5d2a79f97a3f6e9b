// push: one tag of a repository, or all of them.
#include "engine/image_push.h"

#include "codec/json.h"
#include "engine/image_names.h"
#include "engine/images.h"
#include "registry/pusher.h"
#include "wire/image.h"

#include <algorithm>
#include <fmt/format.h>

namespace engine {

using registry::PushedTag;
using registry::Target;

// Tags of the repository, sorted; `known` is set when it has any name at all here.
std::vector<std::string> Images::tags_of(const std::string& repository, bool& known) const {
    std::vector<std::string> out;
    for (const auto& [id, image] : images_) {
        for (const std::string& tag : image.record.tags)
            if (name_part(tag) == repository) out.push_back(tag.substr(repository.size() + 1));
        for (const std::string& digest : image.record.digests)
            known |= name_part(digest) == repository;
    }
    std::ranges::sort(out);
    known |= !out.empty();
    return out;
}

Task<Status> Images::push(PushOrder order, registry::ProgressSink& sink) {
    const Target& target = order.target;
    std::string repository = registry::canonical_name(target);
    sink.progress(
        {.id = {}, .status = fmt::format("The push refers to repository [{}]", repository)});
    bool known = false;
    std::vector<std::string> tags = tags_of(repository, known);
    if (!known)
        co_return Error(Kind::missing,
                        "An image does not exist locally with the tag: " + target.familiar_name());
    if (!target.digest.empty()) co_return Error(Kind::invalid, "cannot push a digest reference");
    if (!target.tag.empty() && std::ranges::find(tags, target.tag) == tags.end())
        co_return Error(Kind::missing, "tag does not exist: " + target.familiar());
    if (tags.empty())
        co_return Error(Kind::missing, "no tags to push for " + target.familiar_name());
    if (!target.tag.empty()) tags = {target.tag};

    registry::PushRequest request;
    request.target = target;
    request.caller = std::move(order.caller);
    request.compression = order.compression;
    std::vector<std::string> diff_ids;
    for (std::string& tag : tags) {
        CO_TRY(const Image* image, find_for(repository + ":" + tag, order.platforms));
        const store::Image& record = image->record;
        diff_ids.insert(diff_ids.end(), record.diff_ids.begin(), record.diff_ids.end());
        request.images.push_back({.tag = std::move(tag),
                                  .id = record.id,
                                  .manifest = record.manifest,
                                  .diff_ids = record.diff_ids});
    }
    LayerPins pins(*this, std::move(diff_ids));
    auto pushed = [&](PushedTag done) -> Task<Status> {
        CO_TRY_DO(co_await record_pushed(done.id, repository + "@" + done.digest));
        sink.progress(
            {.id = {},
             .status = fmt::format("{}: digest: {} size: {}", done.tag, done.digest, done.size)});
        wire::PushResult result{done.tag, done.digest, done.size};
        sink.progress({.id = {}, .status = {}, .aux = json::write(result)});
        co_return Status();
    };
    CO_TRY_DO(co_await pusher_.push(request, sink, pushed));
    std::string id = target.tag.empty() ? "" : request.images.front().id;
    tell("push", id, target.tag.empty() ? target.familiar_name() : target.familiar(),
         target.familiar_name());
    co_return Status();
}

// What the image is called where it is now. It may have been removed here meanwhile.
Task<Status> Images::record_pushed(std::string id, std::string name) {
    CO_TRY(auto lock, co_await changing_.lock());
    auto known = images_.find(id);
    if (known == images_.end()) co_return Status();
    Image image = known->second;
    if (!add_once(image.record.digests, std::move(name))) co_return Status();
    co_return co_await loop::shield(put(std::move(image)));
}

}  // namespace engine
