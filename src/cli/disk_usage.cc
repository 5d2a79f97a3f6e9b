// system df: what images, containers and volumes take on the engine's disk.
#include "base/time.h"
#include "cli/context.h"
#include "cli/human.h"
#include "cli/rows.h"
#include "cli/table.h"

#include <fmt/format.h>

namespace cli {

namespace {

std::string size_text(std::int64_t bytes) {
    return human_size(static_cast<double>(bytes), 4);
}

// One line of the summary.
Value summary(const char* type, std::string_view title, std::int64_t total, std::int64_t active,
              std::int64_t bytes, std::int64_t reclaimable, bool share = true) {
    Value row = Value::object(type);
    std::string free = size_text(reclaimable);
    if (share && bytes > 0) free += fmt::format(" ({}%)", reclaimable * 100 / bytes);
    row.set("Active", std::to_string(active)).set("Reclaimable", free);
    return row.set("Size", size_text(bytes))
        .set("TotalCount", std::to_string(total))
        .set("Type", title);
}

std::int64_t count(const Value& list) {
    return static_cast<std::int64_t>(list.items().size());
}

Value images_summary(const Value& usage) {
    std::int64_t active = 0, used = 0, layers = usage["LayersSize"].integer();
    for (const Value& image : usage["Images"].items()) {
        std::int64_t size = image["Size"].integer(-1), shared = image["SharedSize"].integer(-1);
        std::int64_t containers = image["Containers"].integer();
        active += containers > 0;
        if (containers != 0 && size != -1 && shared != -1) used += size - shared;
    }
    return summary("*formatter.diskUsageImagesContext", "Images", count(usage["Images"]), active,
                   layers, layers - used);
}

Value containers_summary(const Value& usage) {
    std::int64_t active = 0, bytes = 0, free = 0;
    for (const Value& container : usage["Containers"].items()) {
        const std::string& state = container["State"].text();
        std::int64_t size = container["SizeRw"].integer();
        bool runs = state == "running" || state == "paused" || state == "restarting";
        active += runs;
        bytes += size;
        if (!runs) free += size;
    }
    return summary("*formatter.diskUsageContainersContext", "Containers",
                   count(usage["Containers"]), active, bytes, free);
}

Value volumes_summary(const Value& usage) {
    std::int64_t active = 0, bytes = 0, free = 0;
    for (const Value& volume : usage["Volumes"].items()) {
        const Value& use = volume["UsageData"];
        std::int64_t size = use["Size"].integer(-1);
        active += use["RefCount"].integer() > 0;
        if (size == -1) continue;
        bytes += size;
        if (use["RefCount"].integer() == 0) free += size;
    }
    return summary("*formatter.diskUsageVolumesContext", "Local Volumes", count(usage["Volumes"]),
                   active, bytes, free);
}

std::int64_t cache_bytes(const Value& usage, bool unused_alone) {
    std::int64_t bytes = 0;
    for (const Value& one : usage["BuildCache"].items())
        if (!one["Shared"].flag() && !(unused_alone && one["InUse"].flag()))
            bytes += one["Size"].integer();
    return bytes;
}

Value cache_summary(const Value& usage) {
    std::int64_t active = 0;
    for (const Value& one : usage["BuildCache"].items())
        active += one["InUse"].flag();
    return summary("*formatter.diskUsageBuilderContext", "Build Cache", count(usage["BuildCache"]),
                   active, cache_bytes(usage, false), cache_bytes(usage, true), false);
}

std::string text_of_labels(const Value& labels) {
    std::string out;
    for (const Value::Member& label : labels.members())
        out += (out.empty() ? "" : ",") + label.name + "=" + label.value.text();
    return out;
}

Value volume_row(const Value& volume) {
    constexpr const char* none = "N/A";
    const Value& use = volume["UsageData"];
    std::int64_t size = use["Size"].integer(-1), links = use["RefCount"].integer(-1);
    Value row = Value::object("*formatter.volumeContext");
    row.set("Availability", none).set("Driver", volume["Driver"].text()).set("Group", none);
    row.set("Labels", text_of_labels(volume["Labels"]));
    row.set("Links", use.is_null() ? none : std::to_string(links));
    row.set("Mountpoint", volume["Mountpoint"].text()).set("Name", volume["Name"].text());
    row.set("Scope", volume["Scope"].text());
    row.set("Size", size == -1 ? none : size_text(size));
    return row.set("Status", none);
}

Value cache_row(const Value& one, bool trunc) {
    Value row = Value::object("*formatter.buildCacheContext");
    auto ago = [](const Value& text) {
        auto when = base::parse_rfc3339(text.text());
        return when ? human_duration(base::now().seconds() - when->seconds()) + " ago" : "";
    };
    auto at = [](const Value& text) {
        auto when = base::parse_rfc3339(text.text());
        return when ? local_time(when->seconds()) : std::string();
    };
    auto yes = [](const Value& flag) { return flag.flag() ? "true" : "false"; };
    std::string id = one["ID"].text();
    row.set("CacheType", one["Type"].text()).set("CreatedAt", at(one["CreatedAt"]));
    row.set("CreatedSince", ago(one["CreatedAt"])).set("Description", one["Description"].text());
    row.set("ID", trunc ? short_id(id) : id).set("InUse", yes(one["InUse"]));
    row.set("LastUsedAt", at(one["LastUsedAt"])).set("LastUsedSince", ago(one["LastUsedAt"]));
    row.set("Parent", one["Parent"].text()).set("Shared", yes(one["Shared"]));
    row.set("Size", size_text(one["Size"].integer()));
    return row.set("UsageCount", std::to_string(one["UsageCount"].integer()));
}

struct Rows {
    std::vector<Value> images, containers, volumes, cache;
};

Rows all_rows(const Value& usage, bool trunc) {
    Rows rows;
    for (const Value& image : usage["Images"].items()) {
        std::vector<Value> names;
        add_image_rows(names, image, trunc, false);
        rows.images.push_back(names[0].set("Digest", ""));  // of several names the first
    }
    for (Value container : usage["Containers"].items()) {
        container.set("SizeRootFs", 0);  // what its image takes is told above
        rows.containers.push_back(container_row(container, trunc));
    }
    for (const Value& volume : usage["Volumes"].items())
        rows.volumes.push_back(volume_row(volume));
    for (const Value& one : usage["BuildCache"].items())
        rows.cache.push_back(cache_row(one, trunc));
    return rows;
}

Value titles(std::initializer_list<std::pair<const char*, const char*>> pairs) {
    Value head = Value::object("formatter.SubHeaderContext");
    for (auto [name, title] : pairs)
        head.set(name, title);
    return head;
}

Result<std::string> verbose_tables(const Value& usage) {
    Rows rows = all_rows(usage, true);
    TRY(std::string images,
        render("table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t"
               "{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
               image_head(), rows.images));
    TRY(std::string containers,
        render("table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t"
               "{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
               container_head(), rows.containers));
    TRY(std::string volumes,
        render("table {{.Name}}\t{{.Links}}\t{{.Size}}",
               titles({{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}}),
               rows.volumes));
    TRY(std::string cache,
        render("table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t"
               "{{.UsageCount}}\t{{.Shared}}",
               titles({{"ID", "CACHE ID"},
                       {"CacheType", "CACHE TYPE"},
                       {"Size", "SIZE"},
                       {"CreatedSince", "CREATED"},
                       {"LastUsedSince", "LAST USED"},
                       {"UsageCount", "USAGE"},
                       {"Shared", "SHARED"}}),
               rows.cache));
    return fmt::format("Images space usage:\n\n{}\nContainers space usage:\n\n{}\nLocal Volumes "
                       "space usage:\n\n{}\nBuild cache usage: {}\n\n{}",
                       images, containers, volumes, size_text(cache_bytes(usage, false)), cache);
}

Result<std::string> verbose_raw(const Value& usage) {
    Rows rows = all_rows(usage, false);
    TRY(std::string images,
        render("type: Image\nrepository: {{.Repository}}\ntag: {{.Tag}}\ndigest: {{.Digest}}\n"
               "image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n",
               Value(), rows.images));
    TRY(std::string containers,
        render("type: Container\ncontainer_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n"
               "created_at: {{.CreatedAt}}\nstate:{{pad .State 1 0}}\nstatus:{{pad .Status 1 0}}\n"
               "names: {{.Names}}\nlabels:{{pad .Labels 1 0}}\nports:{{pad .Ports 1 0}}\n"
               "size: {{.Size}}\n",
               Value(), rows.containers));
    TRY(std::string volumes,
        render("type: Volume\nname: {{.Name}}\ndriver: {{.Driver}}\n", Value(), rows.volumes));
    TRY(std::string cache,
        render("type: Build Cache\nbuild_cache_id: {{.ID}}\nparent_id: {{.Parent}}\n"
               "build_cache_type: {{.CacheType}}\ndescription: {{.Description}}\n"
               "created_at: {{.CreatedAt}}\ncreated_since: {{.CreatedSince}}\n"
               "last_used_at: {{.LastUsedAt}}\nlast_used_since: {{.LastUsedSince}}\n"
               "usage_count: {{.UsageCount}}\nin_use: {{.InUse}}\nshared: {{.Shared}}\n",
               Value(), rows.cache));
    return images + containers + volumes + cache;
}

Result<std::string> verbose_by(const std::string& format, const Value& usage) {
    Rows rows = all_rows(usage, false);
    Value whole = Value::object("*formatter.diskUsageContext");
    std::string text = "{";
    auto add = [&](const char* name, std::vector<Value>& list) {
        text += fmt::format("{}\"{}\":[", text.size() > 1 ? "," : "", name);
        for (Value& row : list) {
            row.with_json(row_json(row));
            text += (&row == list.data() ? "" : ",") + row.json();
        }
        text += "]";
        whole.set(name, Value::array(list));
    };
    add("Images", rows.images);
    add("Containers", rows.containers);
    add("Volumes", rows.volumes);
    add("BuildCache", rows.cache);
    whole.with_json(text + "}");
    bool table = format.starts_with("table");
    TRY(codec::Template shape,
        template_of(format == "json" ? "{{json .}}" : format.substr(table ? 5 : 0)));
    std::string out;
    TRY_DO(shape.execute(whole, out));
    return out;
}

Result<std::string> summary_table(std::string format, const Value& usage) {
    if (format.empty() || format == "table")
        format = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
    else if (format == "raw")
        format = "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\n"
                 "reclaimable: {{.Reclaimable}}\n";
    std::vector<Value> rows{images_summary(usage), containers_summary(usage),
                            volumes_summary(usage), cache_summary(usage)};
    return render(format,
                  titles({{"Type", "TYPE"},
                          {"TotalCount", "TOTAL"},
                          {"Active", "ACTIVE"},
                          {"Size", "SIZE"},
                          {"Reclaimable", "RECLAIMABLE"}}),
                  rows);
}

}  // namespace

Task<int> run_system_df(Context& context, Arguments words) {
    bool verbose = false;
    std::string format;
    FlagSet flags(context.program, "system df [OPTIONS]", "Show disk usage");
    flags.text("format", 0, format, "'table', 'table TEMPLATE', 'json', 'raw' or a Go template");
    flags.boolean("verbose", 'v', verbose, "Show detailed information on space usage");
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    auto usage = co_await context.engine.value(get("/system/df"));
    if (!usage) co_return fail(usage.error());
    bool tables = format.empty() || format == "table";
    auto out = !verbose          ? summary_table(format, *usage)
               : tables          ? verbose_tables(*usage)
               : format == "raw" ? verbose_raw(*usage)
                                 : verbose_by(format, *usage);
    if (!out) co_return fail("template parsing error: " + out.error().message());
    print(*out);
    co_return 0;
}

}  // namespace cli
