// -v, --mount, --tmpfs, --volumes-from.
#include "base/text.h"
#include "cli/human.h"
#include "cli/run_parts.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>

namespace cli {

namespace {

Error bad(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

// By the words of the path alone, as Go's filepath.Abs: nothing of it needs to exist.
std::string absolute(const std::string& path) {
    std::error_code ignored;
    std::string out = std::filesystem::absolute(path, ignored).lexically_normal();
    while (out.size() > 1 && out.ends_with('/'))
        out.pop_back();
    return out;
}

bool is_relative(std::string_view path) {
    return path == "." || path == ".." || path.starts_with("./") || path.starts_with("../");
}

Result<bool> flag_of(const std::string& key, const std::string& value) {
    auto parsed = parse_bool(value);
    if (!parsed) return bad(fmt::format("invalid value for {}: {}", key, value));
    return parsed;
}

void set_pair(Value& map, const std::string& pair) {
    Value one = map_of({pair});
    map.set(one.members()[0].name, one.members()[0].value);
}

Status set_bind(Value& mount, const std::string& key, const std::string& value) {
    Value& options = mount.at("BindOptions");
    if (key == "bind-propagation") {
        options.set("Propagation", value);
    } else if (key == "bind-nonrecursive") {
        TRY(bool on, flag_of(key, value));
        options.set("NonRecursive", on);
    } else if (key == "bind-create-src") {
        TRY(bool on, flag_of(key, value));
        options.set("CreateMountpoint", on);
    } else if (value == "disabled") {
        options.set("NonRecursive", true);
    } else if (value == "writable") {
        options.set("ReadOnlyNonRecursive", true);
    } else if (value == "readonly") {
        options.set("ReadOnlyForceRecursive", true);
    } else if (value != "enabled") {
        return bad(fmt::format("invalid value for {}: {} (must be \"enabled\", \"disabled\", "
                               "\"writable\", or \"readonly\")",
                               key, value));
    }
    return {};
}

Status set_volume(Value& mount, const std::string& key, const std::string& value) {
    Value& options = mount.at("VolumeOptions");
    if (key == "volume-subpath") {
        options.set("Subpath", value);
    } else if (key == "volume-nocopy") {
        TRY(bool on, flag_of(key, value));
        options.set("NoCopy", on);
    } else if (key == "volume-label") {
        set_pair(options.at("Labels"), value);
    } else if (key == "volume-driver") {
        options.at("DriverConfig").set("Name", value);
    } else {
        set_pair(options.at("DriverConfig").at("Options"), value);
    }
    return {};
}

Status set_tmpfs(Value& mount, const std::string& key, const std::string& value) {
    auto wrong = [&] { return bad(fmt::format("invalid value for {}: {}", key, value)); };
    if (key == "tmpfs-size") {
        auto size = parse_bytes(value);
        if (!size) return wrong();
        mount.at("TmpfsOptions").set("SizeBytes", *size);
        return {};
    }
    char* end = nullptr;
    long mode = std::strtol(value.c_str(), &end, 8);
    if (value.empty() || *end != 0) return wrong();
    mount.at("TmpfsOptions").set("Mode", std::int64_t(mode));
    return {};
}

// One field; its key in lower case.
Status set_field(Value& mount, const std::string& key, const std::string& value,
                 const std::string& field) {
    static constexpr std::string_view bind[] = {"bind-propagation", "bind-nonrecursive",
                                                "bind-recursive", "bind-create-src"};
    static constexpr std::string_view volume[] = {"volume-subpath", "volume-nocopy", "volume-label",
                                                  "volume-driver", "volume-opt"};
    auto is_one_of = [&](auto& names) { return std::ranges::find(names, key) != std::end(names); };
    if (key == "type") {
        mount.set("Type", base::lowered(value));
    } else if (key == "readonly" || key == "ro") {
        TRY(bool on, flag_of(key, value));
        mount.set("ReadOnly", on);
    } else if (key == "source" || key == "src") {
        mount.set("Source", is_relative(value) ? absolute(value) : value);
    } else if (key == "target" || key == "dst" || key == "destination") {
        mount.set("Target", value);
    } else if (key == "consistency") {
        mount.set("Consistency", value);
    } else if (is_one_of(bind)) {
        return set_bind(mount, key, value);
    } else if (is_one_of(volume)) {
        return set_volume(mount, key, value);
    } else if (key == "image-subpath") {
        mount.at("ImageOptions").set("Subpath", value);
    } else if (key == "tmpfs-size" || key == "tmpfs-mode") {
        return set_tmpfs(mount, key, value);
    } else {
        return bad(fmt::format("unexpected key '{}' in '{}'", key, field));
    }
    return {};
}

// What does not go together.
Status check_options(const Value& mount) {
    const std::string& type = mount["Type"].text();
    if (mount["Target"].text().empty()) return bad("target is required");
    for (auto [of, options] :
         {std::pair("volume", "VolumeOptions"), std::pair("bind", "BindOptions"),
          std::pair("tmpfs", "TmpfsOptions"), std::pair("image", "ImageOptions")})
        if (mount.find(options) && type != of)
            return bad(fmt::format("cannot mix '{}-*' options with mount type '{}'", of, type));
    const Value& bind = mount["BindOptions"];
    for (auto [how, option] : {std::pair("writable", "ReadOnlyNonRecursive"),
                               std::pair("readonly", "ReadOnlyForceRecursive")})
        if (bind[option].flag() && !mount["ReadOnly"].flag())
            return bad(fmt::format("option 'bind-recursive={}' requires 'readonly' to be specified "
                                   "in conjunction",
                                   how));
    if (bind["ReadOnlyForceRecursive"].flag() && bind["Propagation"].text() != "rprivate")
        return bad("option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be "
                   "specified in conjunction");
    return {};
}

}  // namespace

Result<Value> mount_of(const std::string& spec) {
    static constexpr std::string_view bare_ones[] = {"readonly", "ro", "volume-nocopy",
                                                     "bind-nonrecursive"};
    Value mount = Value::object();
    mount.set("Type", "volume");
    TRY(Arguments fields, csv_fields(spec));
    for (const std::string& field : fields) {
        std::size_t equals = field.find('=');
        std::string key = base::lowered(field.substr(0, equals));
        bool bare = equals == field.npos;
        if (bare && std::ranges::find(bare_ones, key) == std::end(bare_ones))
            return bad(fmt::format("invalid field '{}' must be a key=value pair", field));
        TRY_DO(set_field(mount, key, bare ? "true" : field.substr(equals + 1), field));
    }
    TRY_DO(check_options(mount));
    return mount;
}

namespace {

// The sections of a -v: two and more make it a mount. A letter alone before the first colon is a
// drive, to the client docker has for every system: that colon separates nothing.
Result<std::size_t> sections_of(const std::string& spec) {
    if (spec.empty()) return bad("invalid empty volume spec");
    if (spec.size() <= 2) return 1;
    std::size_t sections = 1;
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= spec.size(); ++i) {
        if (i < spec.size() && spec[i] != ':') continue;
        bool drive = i < spec.size() && i - begin == 1 &&
                     std::isalpha(static_cast<unsigned char>(spec[begin])) != 0;
        if (drive) continue;
        if (i == begin)
            return bad(fmt::format("invalid spec: {}: empty section between colons", spec));
        sections += i < spec.size();
        begin = i + 1;
    }
    return sections;
}

}  // namespace

Status add_mounts(const RunOptions& options, Value& config, Value& host) {
    Value volumes = Value::object();
    Arguments binds;
    for (const std::string& spec : options.volumes) {
        TRY(std::size_t sections, sections_of(spec));
        if (sections == 1) {
            volumes.set(spec, Value::object());
            continue;
        }
        std::string source = spec.substr(0, spec.find(':'));
        bool relative = source.starts_with('.');
        binds.push_back(relative ? absolute(source) + spec.substr(source.size()) : spec);
    }
    if (!volumes.members().empty()) config.set("Volumes", std::move(volumes));
    host.set("Binds", binds.empty() ? Value() : Value::texts(binds));
    Value mounts = Value::array();
    for (const std::string& spec : options.mounts) {
        TRY(Value mount, mount_of(spec));
        mounts.push(std::move(mount));
    }
    if (!mounts.items().empty()) host.set("Mounts", std::move(mounts));
    Value tmpfs = Value::object();
    for (const std::string& spec : options.tmpfs) {
        std::size_t colon = spec.find(':');
        tmpfs.set(spec.substr(0, colon), colon == spec.npos ? "" : spec.substr(colon + 1));
    }
    if (!tmpfs.members().empty()) host.set("Tmpfs", std::move(tmpfs));
    host.set("VolumesFrom",
             options.volumes_from.empty() ? Value() : Value::texts(options.volumes_from));
    return {};
}

}  // namespace cli
