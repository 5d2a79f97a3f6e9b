#include "cli/go_types.h"
#include "codec/human.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <span>

namespace cli {

namespace {

using codec::Value;

// A struct's fields, separated by blanks, in their order: Name:type, Name=name-in-JSON:type, a `?`
// before the colon where an empty one is left out of JSON, `-` for a name that JSON does not have.
// +type is an embedded struct. As docker 28.2 has them (`{{printf "%#v" .State}}` tells).
struct Shape {
    std::string_view type, fields;
};

constexpr Shape container_shapes[] = {
    {"container.InspectResponse",
     "+*container.ContainerJSONBase Mounts:[]container.MountPoint Config:*container.Config "
     "NetworkSettings:*container.NetworkSettings ImageManifestDescriptor?:*v1.Descriptor"},
    {"container.ContainerJSONBase",
     "ID=Id:string Created:string Path:string Args:[]string State:*container.State Image:string "
     "ResolvConfPath:string HostnamePath:string HostsPath:string LogPath:string Name:string "
     "RestartCount:int Driver:string Platform:string MountLabel:string ProcessLabel:string "
     "AppArmorProfile:string ExecIDs:[]string HostConfig:*container.HostConfig "
     "GraphDriver:storage.DriverData SizeRw?:*int64 SizeRootFs?:*int64"},
    {"container.State",
     "Status:string Running:bool Paused:bool Restarting:bool OOMKilled:bool Dead:bool Pid:int "
     "ExitCode:int Error:string StartedAt:string FinishedAt:string Health?:*container.Health"},
    {"container.Health", "Status:string FailingStreak:int Log:[]*container.HealthcheckResult"},
    {"container.HealthcheckResult", "Start:time End:time ExitCode:int Output:string"},
    {"container.MountPoint",
     "Type?:string Name?:string Source:string Destination:string Driver?:string Mode:string "
     "RW:bool Propagation:string"},
    {"container.Config",
     "Hostname:string Domainname:string User:string AttachStdin:bool AttachStdout:bool "
     "AttachStderr:bool ExposedPorts?:map[nat.Port]struct{} Tty:bool OpenStdin:bool StdinOnce:bool "
     "Env:[]string Cmd:[]string Healthcheck?:*v1.HealthcheckConfig ArgsEscaped?:bool Image:string "
     "Volumes:map[string]struct{} WorkingDir:string Entrypoint:[]string NetworkDisabled?:bool "
     "MacAddress?:string OnBuild:[]string Labels:map[string]string StopSignal?:string "
     "StopTimeout?:*int Shell?:[]string"},
    {"v1.HealthcheckConfig",
     "Test?:[]string Interval?:duration Timeout?:duration StartPeriod?:duration "
     "StartInterval?:duration Retries?:int"},
    {"container.HostConfig",
     "Binds:[]string ContainerIDFile:string LogConfig:container.LogConfig NetworkMode:string "
     "PortBindings:map[nat.Port][]nat.PortBinding RestartPolicy:container.RestartPolicy "
     "AutoRemove:bool VolumeDriver:string VolumesFrom:[]string ConsoleSize:[2]uint "
     "Annotations?:map[string]string CapAdd:[]string CapDrop:[]string CgroupnsMode:string "
     "DNS=Dns:[]string DNSOptions=DnsOptions:[]string DNSSearch=DnsSearch:[]string "
     "ExtraHosts:[]string GroupAdd:[]string IpcMode:string Cgroup:string Links:[]string "
     "OomScoreAdj:int PidMode:string Privileged:bool PublishAllPorts:bool ReadonlyRootfs:bool "
     "SecurityOpt:[]string StorageOpt?:map[string]string Tmpfs?:map[string]string UTSMode:string "
     "UsernsMode:string ShmSize:int64 Sysctls?:map[string]string Runtime?:string Isolation:string "
     "+container.Resources Mounts?:[]mount.Mount MaskedPaths:[]string ReadonlyPaths:[]string "
     "Init?:*bool"},
    {"container.Resources",
     "CPUShares=CpuShares:int64 Memory:int64 NanoCPUs=NanoCpus:int64 CgroupParent:string "
     "BlkioWeight:uint16 BlkioWeightDevice:[]*blkiodev.WeightDevice "
     "BlkioDeviceReadBps:[]*blkiodev.ThrottleDevice BlkioDeviceWriteBps:[]*blkiodev.ThrottleDevice "
     "BlkioDeviceReadIOps:[]*blkiodev.ThrottleDevice "
     "BlkioDeviceWriteIOps:[]*blkiodev.ThrottleDevice CPUPeriod=CpuPeriod:int64 "
     "CPUQuota=CpuQuota:int64 CPURealtimePeriod=CpuRealtimePeriod:int64 "
     "CPURealtimeRuntime=CpuRealtimeRuntime:int64 CpusetCpus:string CpusetMems:string "
     "Devices:[]container.DeviceMapping DeviceCgroupRules:[]string "
     "DeviceRequests:[]container.DeviceRequest KernelMemory?:int64 KernelMemoryTCP?:int64 "
     "MemoryReservation:int64 MemorySwap:int64 MemorySwappiness:*int64 OomKillDisable:*bool "
     "PidsLimit:*int64 Ulimits:[]*units.Ulimit CPUCount=CpuCount:int64 CPUPercent=CpuPercent:int64 "
     "IOMaximumIOps:uint64 IOMaximumBandwidth:uint64"},
    {"container.LogConfig", "Type:string Config:map[string]string"},
    {"container.RestartPolicy", "Name:string MaximumRetryCount:int"},
    {"container.DeviceMapping",
     "PathOnHost:string PathInContainer:string CgroupPermissions:string"},
    {"container.DeviceRequest",
     "Driver:string Count:int DeviceIDs:[]string Capabilities:[][]string "
     "Options:map[string]string"},
    {"nat.PortBinding", "HostIP=HostIp:string HostPort:string"},
    {"blkiodev.WeightDevice", "Path:string Weight:uint16"},
    {"blkiodev.ThrottleDevice", "Path:string Rate:uint64"},
    {"units.Ulimit", "Name:string Hard:int64 Soft:int64"},
    {"mount.Mount", "Type?:string Source?:string Target?:string ReadOnly?:bool Consistency?:string "
                    "BindOptions?:*mount.BindOptions VolumeOptions?:*mount.VolumeOptions "
                    "ImageOptions?:*mount.ImageOptions TmpfsOptions?:*mount.TmpfsOptions "
                    "ClusterOptions?:*mount.ClusterOptions"},
    {"mount.BindOptions",
     "Propagation?:string NonRecursive?:bool CreateMountpoint?:bool ReadOnlyNonRecursive?:bool "
     "ReadOnlyForceRecursive?:bool"},
    {"mount.VolumeOptions",
     "NoCopy?:bool Labels?:map[string]string Subpath?:string DriverConfig?:*mount.Driver"},
    {"mount.Driver", "Name?:string Options?:map[string]string"},
    {"mount.ImageOptions", "Subpath?:string"},
    {"mount.TmpfsOptions", "SizeBytes?:int64 Mode?:mode Options?:[][]string"},
    {"mount.ClusterOptions", ""},
    {"container.NetworkSettings",
     "+container.NetworkSettingsBase +container.DefaultNetworkSettings "
     "Networks:map[string]*network.EndpointSettings"},
    {"container.NetworkSettingsBase",
     "Bridge:string SandboxID:string SandboxKey:string Ports:map[nat.Port][]nat.PortBinding "
     "HairpinMode:bool LinkLocalIPv6Address:string LinkLocalIPv6PrefixLen:int "
     "SecondaryIPAddresses:[]network.Address SecondaryIPv6Addresses:[]network.Address"},
    {"container.DefaultNetworkSettings",
     "EndpointID:string Gateway:string GlobalIPv6Address:string GlobalIPv6PrefixLen:int "
     "IPAddress:string IPPrefixLen:int IPv6Gateway:string MacAddress:string"},
    {"network.Address", "Addr:string PrefixLen:int"},
    {"network.EndpointSettings",
     "IPAMConfig:*network.EndpointIPAMConfig Links:[]string Aliases:[]string MacAddress:string "
     "DriverOpts:map[string]string GwPriority:int NetworkID:string EndpointID:string "
     "Gateway:string IPAddress:string IPPrefixLen:int IPv6Gateway:string GlobalIPv6Address:string "
     "GlobalIPv6PrefixLen:int DNSNames:[]string"},
    {"network.EndpointIPAMConfig",
     "IPv4Address?:string IPv6Address?:string LinkLocalIPs?:[]string"},
    {"storage.DriverData", "Data:map[string]string Name:string"},
};

constexpr Shape other_shapes[] = {
    {"v1.Descriptor",
     "MediaType=mediaType:string Digest=digest:string Size=size:int64 URLs=urls?:[]string "
     "Annotations=annotations?:map[string]string Data=data?:any Platform=platform?:*v1.Platform "
     "ArtifactType=artifactType?:string"},
    {"v1.Platform", "Architecture=architecture:string OS=os:string OSVersion=os.version?:string "
                    "OSFeatures=os.features?:[]string Variant=variant?:string"},
    {"image.InspectResponse",
     "ID=Id:string RepoTags:[]string RepoDigests:[]string Parent:string Comment:string "
     "Created?:string Container?:string ContainerConfig?:*container.Config DockerVersion:string "
     "Author:string Config:*v1.DockerOCIImageConfig Architecture:string Variant?:string Os:string "
     "OsVersion?:string Size:int64 VirtualSize?:int64 GraphDriver:storage.DriverData "
     "RootFS:image.RootFS Metadata:image.Metadata Descriptor?:*v1.Descriptor "
     "Manifests?:[]image.ManifestSummary"},
    {"v1.DockerOCIImageConfig", "+v1.ImageConfig +v1.DockerOCIImageConfigExt"},
    {"v1.ImageConfig",
     "User?:string ExposedPorts?:map[string]struct{} Env?:[]string Entrypoint?:[]string "
     "Cmd?:[]string Volumes?:map[string]struct{} WorkingDir?:string Labels?:map[string]string "
     "StopSignal?:string ArgsEscaped?:bool"},
    {"v1.DockerOCIImageConfigExt",
     "Healthcheck?:*v1.HealthcheckConfig OnBuild?:[]string Shell?:[]string"},
    {"image.RootFS", "Type?:string Layers?:[]string"},
    {"image.Metadata", "LastTagTime:time"},
    {"image.ManifestSummary",
     "ID:string Descriptor:v1.Descriptor Available:bool Size:any Kind:string ImageData?:any "
     "AttestationData?:any"},
    {"network.Inspect",
     "Name:string ID=Id:string Created:time Scope:string Driver:string EnableIPv4:bool "
     "EnableIPv6:bool IPAM:network.IPAM Internal:bool Attachable:bool Ingress:bool "
     "ConfigFrom:network.ConfigReference ConfigOnly:bool "
     "Containers:map[string]network.EndpointResource Options:map[string]string "
     "Labels:map[string]string Peers?:[]network.PeerInfo Services?:any"},
    {"network.IPAM", "Driver:string Options:map[string]string Config:[]network.IPAMConfig"},
    {"network.IPAMConfig", "Subnet?:string IPRange?:string Gateway?:string "
                           "AuxAddress=AuxiliaryAddresses?:map[string]string"},
    {"network.ConfigReference", "Network:string"},
    {"network.EndpointResource",
     "Name:string EndpointID:string MacAddress:string IPv4Address:string IPv6Address:string"},
    {"network.PeerInfo", "Name:string IP:string"},
    {"volume.Volume",
     "ClusterVolume?:*any CreatedAt?:string Driver:string Labels:map[string]string "
     "Mountpoint:string Name:string Options:map[string]string Scope:string "
     "Status?:map[string]any UsageData?:*volume.UsageData"},
    {"volume.UsageData", "RefCount:int64 Size:int64"},
    {"system.versionInfo", "Client:system.clientVersion Server:*types.Version"},
    {"system.clientVersion",
     "Platform?:*system.platformInfo Version?:string APIVersion=ApiVersion?:string "
     "DefaultAPIVersion?:string GitCommit?:string GoVersion?:string Os?:string Arch?:string "
     "BuildTime?:string Context:string"},
    {"system.platformInfo", "Name?:string"},
    {"types.Version",
     "Platform:types.Platform Components?:[]types.ComponentVersion Version:string "
     "APIVersion=ApiVersion:string MinAPIVersion?:string GitCommit:string GoVersion:string "
     "Os:string Arch:string KernelVersion?:string Experimental?:bool BuildTime?:string"},
    {"types.Platform", "Name:string"},
    {"types.ComponentVersion", "Name:string Version:string Details?:map[string]string"},
    {"events.Message",
     "Status=status?:string ID=id?:string From=from?:string Type:string Action:string "
     "Actor:events.Actor Scope=scope?:string Time=time?:int64 TimeNano=timeNano?:int64"},
    {"events.Actor", "ID:string Attributes:map[string]string"},
};

constexpr Shape info_shapes[] = {
    {"system.dockerInfo",
     "+*system.Info ServerErrors?:[]string UserName=-:string ClientInfo?:*system.clientInfo "
     "ClientErrors?:[]string"},
    {"system.clientInfo", "Debug:bool +system.clientVersion Plugins:[]any Warnings:[]string"},
    {"system.Info",
     "ID:string Containers:int ContainersRunning:int ContainersPaused:int ContainersStopped:int "
     "Images:int Driver:string DriverStatus:[][2]string SystemStatus?:[][2]string "
     "Plugins:system.PluginsInfo MemoryLimit:bool SwapLimit:bool KernelMemory?:bool "
     "KernelMemoryTCP?:bool CPUCfsPeriod=CpuCfsPeriod:bool CPUCfsQuota=CpuCfsQuota:bool "
     "CPUShares:bool CPUSet:bool PidsLimit:bool IPv4Forwarding:bool Debug:bool NFd:int "
     "OomKillDisable:bool NGoroutines:int SystemTime:string LoggingDriver:string "
     "CgroupDriver:string CgroupVersion?:string NEventsListener:int KernelVersion:string "
     "OperatingSystem:string OSVersion:string OSType:string Architecture:string "
     "IndexServerAddress:string RegistryConfig:*registry.ServiceConfig NCPU:int MemTotal:int64 "
     "GenericResources:[]any DockerRootDir:string HTTPProxy=HttpProxy:string "
     "HTTPSProxy=HttpsProxy:string NoProxy:string Name:string Labels:[]string "
     "ExperimentalBuild:bool ServerVersion:string Runtimes:map[string]system.RuntimeWithStatus "
     "DefaultRuntime:string Swarm:swarm.Info LiveRestoreEnabled:bool Isolation:string "
     "InitBinary:string ContainerdCommit:system.Commit RuncCommit:system.Commit "
     "InitCommit:system.Commit SecurityOptions:[]string ProductLicense?:string "
     "DefaultAddressPools?:[]system.NetworkAddressPool FirewallBackend?:*system.FirewallInfo "
     "CDISpecDirs:[]string DiscoveredDevices?:[]system.DeviceInfo "
     "Containerd?:*system.ContainerdInfo Warnings:[]string"},
    {"system.PluginsInfo", "Volume:[]string Network:[]string Authorization:[]string Log:[]string"},
    {"system.RuntimeWithStatus", "+system.Runtime Status=status?:map[string]string"},
    {"system.Runtime", "Path=path?:string Args=runtimeArgs?:[]string Type=runtimeType?:string "
                       "Options=options?:map[string]any"},
    {"system.Commit", "ID:string Expected?:string"},
    {"system.NetworkAddressPool", "Base:string Size:int"},
    {"system.FirewallInfo", "Driver:string Info?:[][2]string"},
    {"system.DeviceInfo", "Source:string ID:string"},
    {"system.ContainerdInfo", "Address?:string Namespaces:system.ContainerdNamespaces"},
    {"system.ContainerdNamespaces", "Containers:string Plugins:string"},
    {"registry.ServiceConfig",
     "AllowNondistributableArtifactsCIDRs?:[]string "
     "AllowNondistributableArtifactsHostnames?:[]string InsecureRegistryCIDRs:[]string "
     "IndexConfigs:map[string]*registry.IndexInfo Mirrors:[]string ExtraFields=-:map[string]any"},
    {"registry.IndexInfo", "Name:string Mirrors:[]string Secure:bool Official:bool"},
    {"swarm.Info",
     "NodeID:string NodeAddr:string LocalNodeState:string ControlAvailable:bool Error:string "
     "RemoteManagers:[]swarm.Peer Nodes?:int Managers?:int Cluster?:*any Warnings?:[]string"},
    {"swarm.Peer", "NodeID:string Addr:string"},
};

const Shape* shape_of(std::string_view type) {
    for (std::span<const Shape> some :
         {std::span<const Shape>(container_shapes), std::span<const Shape>(other_shapes),
          std::span<const Shape>(info_shapes)})
        if (auto found = std::ranges::find(some, type, &Shape::type); found != some.end())
            return &*found;
    return nullptr;
}

struct Field {
    std::string_view name, json, type;
    bool embedded = false, optional = false;
};

// The next field of a shape; takes it off.
Field next_field(std::string_view& fields) {
    std::string_view word = fields.substr(0, fields.find(' '));
    fields.remove_prefix(std::min(fields.size(), word.size() + 1));
    Field field;
    if (word.starts_with('+')) {
        field.embedded = true;
        field.type = word.substr(1);
        field.name = field.type.substr(field.type.rfind('.') + 1);
        return field;
    }
    std::size_t colon = word.find(':');
    field.type = word.substr(colon + 1);
    word = word.substr(0, colon);
    field.optional = word.ends_with('?');
    if (field.optional) word.remove_suffix(1);
    std::size_t equals = word.find('=');
    field.name = word.substr(0, equals);
    field.json = equals == word.npos ? field.name : word.substr(equals + 1);
    return field;
}

// What encoding/json's omitempty leaves out. A struct is never empty.
bool is_empty(const Value& value) {
    if (value.is_bool()) return !value.flag();
    if (value.is_number()) return value.digits() == "0";
    if (value.is_text()) return value.text().empty();
    if (value.is_array()) return value.items().empty();
    if (value.is_object() && value.type() == "time.Duration") return value.json() == "0";
    if (value.is_object() && value.type().starts_with("map[")) return value.members().empty();
    return value.is_null();
}

Value duration(const Value& document) {
    std::int64_t ns = document.integer();
    return Value::object("time.Duration").shown_as(codec::duration_text(ns)).with_json(std::to_string(ns));
}

// "2024-01-02T03:04:05.5+02:00" shows as "2024-01-02 03:04:05.5 +0200 +0200".
Value moment(const Value& document) {
    std::string_view text = document.text();
    if (text.empty()) text = "0001-01-01T00:00:00Z";
    std::string shown(text);
    std::size_t t = shown.find('T');
    std::size_t zone = t == shown.npos ? t : shown.find_first_of("Z+-", t);
    if (zone != shown.npos) {
        std::string offset = shown.substr(zone);
        std::erase(offset, ':');
        std::string name = offset == "Z" ? "UTC" : offset;
        if (offset == "Z") offset = "+0000";
        shown = shown.substr(0, t) + " " + shown.substr(t + 1, zone - t - 1) + " " + offset + " " +
                name;
    }
    std::string json;
    codec::append_json_text(json, text);
    return Value::object("time.Time").shown_as(std::move(shown)).with_json(std::move(json));
}

// os.FileMode: 0777 shows as -rwxrwxrwx.
Value file_mode(const Value& document) {
    constexpr std::string_view letters = "rwxrwxrwx";
    std::int64_t mode = document.integer();
    std::string shown = "-";
    for (std::size_t i = 0; i < letters.size(); ++i)
        shown += mode >> (letters.size() - 1 - i) & 1 ? letters[i] : '-';
    return Value::object("os.FileMode").shown_as(std::move(shown)).with_json(std::to_string(mode));
}

// The structs that print as a line of their own.
void show_as_line(Value& value, std::string_view type) {
    if (type == "units.Ulimit")
        value.shown_as(fmt::format("{}={}:{}", value["Name"].text(), value["Soft"].digits(),
                                   value["Hard"].digits()));
    else if (type == "blkiodev.WeightDevice" || type == "blkiodev.ThrottleDevice")
        value.shown_as(
            fmt::format("{}:{}", value["Path"].text(),
                        value[type == "blkiodev.WeightDevice" ? "Weight" : "Rate"].digits()));
}

// The JSON of these goes through a map in Go: sorted.
std::string sorted_json(const Value& value) {
    if (value.members().empty()) return value.json();
    std::map<std::string, std::string> fields;
    for (const Value::Member& member : value.members())
        if (!member.omitted) fields[member.name] = sorted_json(member.value);
    std::string out;
    for (const auto& [name, json] : fields) {
        out += out.empty() ? '{' : ',';
        codec::append_json_text(out, name);
        out += ":" + json;
    }
    return out + "}";
}

// `name`: with the star of a pointer to it.
Value typed_struct(std::string_view name, const Shape& shape, const Value& document) {
    Value out = Value::object(std::string(name));
    std::string_view fields = shape.fields;
    while (!fields.empty()) {
        Field field = next_field(fields);
        // The document of an embedded struct is the outer one's.
        Value value = typed(field.type, field.embedded ? document : document[field.json]);
        bool scalar_pointer = field.type.starts_with('*') && !value.is_object();
        bool omitted = field.json == "-" || (field.optional && is_empty(value));
        out.add(Value::Member{std::string(field.name), std::move(value),
                              field.json == field.name ? "" : std::string(field.json), omitted,
                              field.embedded, scalar_pointer});
    }
    show_as_line(out, shape.type);
    if (shape.type == "registry.ServiceConfig") out.with_json(sorted_json(out));
    return out;
}

Value typed_list(std::string_view type, const Value& document) {
    std::size_t close = type.find(']');
    std::string_view inner = type.substr(close + 1);
    std::size_t fixed = 0;
    std::from_chars(type.data() + 1, type.data() + close, fixed);
    if (fixed == 0 && !document.is_array()) return Value::nil(std::string(type));
    std::vector<Value> items;
    for (const Value& item : document.items())
        items.push_back(typed(inner, item));
    if (fixed) items.resize(fixed, typed(inner, Value()));
    return Value::array(std::move(items));
}

}  // namespace

Value typed(std::string_view type, const Value& document) {
    if (type == "string") return document.text();
    if (type == "bool") return document.flag();
    if (type == "any") return document;
    if (type == "duration") return duration(document);
    if (type == "time") return moment(document);
    if (type == "mode") return file_mode(document);
    if (type == "struct{}") return Value::object("struct {}");
    if (type.starts_with("map[")) {
        if (!document.is_object()) return Value::nil(std::string(type));
        Value out = Value::object(std::string(type));
        std::string_view inner = type.substr(type.find(']') + 1);
        std::vector<Value::Member> members = document.members();
        std::ranges::sort(members, {}, &Value::Member::name);  // as Go writes a map
        for (const Value::Member& member : members)
            out.add(member.name, typed(inner, member.value));
        return out;
    }
    if (type.starts_with('[')) return typed_list(type, document);
    std::string_view bare = type.starts_with('*') ? type.substr(1) : type;
    const Shape* shape = shape_of(bare);
    // What an embedded struct is made from is never absent.
    if (type.starts_with('*') && document.is_null()) return Value::nil(std::string(type));
    if (shape) return typed_struct(type, *shape, document);
    if (bare != type) return typed(bare, document);
    return document.is_number() ? document : Value(0);
}

}  // namespace cli
