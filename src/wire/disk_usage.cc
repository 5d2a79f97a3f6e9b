#include "wire/disk_usage.h"

namespace wire {

namespace {

template <class T> void member(json::Writer& writer, std::string_view name, const T& value) {
    writer.key(name);
    json::write_value(writer, value);
}

template <class Item>
void usage_member(json::Writer& writer, std::string_view name,
                  const std::optional<Usage<Item>>& usage) {
    if (!usage) return;
    writer.key(name);
    writer.begin_object();
    member(writer, "ActiveCount", usage->active_count);
    member(writer, "TotalCount", usage->total_count);
    member(writer, "Reclaimable", usage->reclaimable);
    member(writer, "TotalSize", usage->total_size);
    if (!usage->items.empty()) member(writer, "Items", usage->items);
    writer.end_object();
}

}  // namespace

void json_write(json::Writer& writer, const DiskUsage& usage) {
    writer.begin_object();
    if (usage.lists) {
        member(writer, "LayersSize", usage.lists->layers_size);
        member(writer, "Images", usage.lists->images);
        member(writer, "Containers", usage.lists->containers);
        member(writer, "Volumes", usage.lists->volumes);
        member(writer, "BuildCache", usage.lists->build_cache);
    }
    usage_member(writer, "ImageUsage", usage.images);
    usage_member(writer, "ContainerUsage", usage.containers);
    usage_member(writer, "VolumeUsage", usage.volumes);
    usage_member(writer, "BuildCacheUsage", usage.build_cache);
    writer.end_object();
}

}  // namespace wire
