#include "api/files.h"

#include "api/body.h"
#include "api/status.h"
#include "api/stream_reply.h"
#include "codec/base64.h"
#include "engine/container_files.h"
#include "wire/exec.h"
#include "wire/files.h"

#include <cstring>
#include <fmt/format.h>
#include <optional>

namespace api {

namespace {

using engine::ContainerFiles;
using engine::ContainerPtr;

constexpr std::size_t changes_max = 1000;  // instructions of one commit

std::string stat_header(const engine::PathStat& stat) {
    wire::PathStat out;
    out.name = stat.name;
    out.size = stat.size;
    out.mode = stat.mode;
    out.mtime = stat.modified;
    out.link_target = stat.link_target;
    return codec::base64(json::write(out));
}

// The list that `docker diff` shows, made while it is read: it may have a line for every file.
class ChangeList {
public:
    explicit ChangeList(engine::UpperWalk walk) : walk_(std::move(walk)) {}

    Result<std::size_t> read(char* out, std::size_t capacity) {
        while (text_.size() < capacity && !ended_)
            TRY_DO(add());
        std::size_t size = std::min(text_.size(), capacity);
        std::memcpy(out, text_.data(), size);
        text_.erase(0, size);
        return size;
    }

private:
    Status add() {
        TRY(std::optional<engine::Change> change, walk_.next());
        if (!change) {
            ended_ = true;
            text_ += any_ ? "]\n" : "null\n";
            return {};
        }
        wire::FilesystemChange one;
        one.path = "/" + change->path;
        one.kind = static_cast<std::int64_t>(change->kind);
        text_ += any_ ? "," : "[";
        text_ += json::write(one);
        any_ = true;
        return {};
    }

    engine::UpperWalk walk_;
    std::string text_;
    bool any_ = false, ended_ = false;
};

Task<Result<http::Reply>> put_archive(ContainerFiles& files, ContainerPtr container,
                                      std::string name, std::string path, http::Request& request) {
    engine::WriteOrder order;
    order.path = std::move(path);
    order.keep_types = request.query().flag("noOverwriteDirNonDir");
    order.own_user = request.query().flag("copyUIDGID");
    CO_TRY_DO(co_await files.write(std::move(container), std::move(name), std::move(order),
                                   body_of(request)));
    co_return http::Reply(200);
}

// What the new image shall be called; checked before anything is done.
Status read_name(const http::Query& query, engine::CommitOrder& order) {
    order.repository = query.text("repo");
    order.tag = query.text("tag");
    if (order.repository.empty()) return {};
    TRY(registry::Target target, registry::parse_reference(order.repository));
    if (!target.digest.empty())
        return Error(Kind::invalid, "refusing to create a tag with a digest reference");
    if (!order.tag.empty() && !registry::is_tag(order.tag))
        return Error(Kind::invalid, "invalid tag format");
    order.target = std::move(target);
    return {};
}

}  // namespace

Task<Result<http::Reply>> container_export(engine::Engine& engine, std::string name,
                                           http::Request& request) {
    CO_TRY(ContainerPtr container, engine.containers.find(name));
    ContainerFiles files(engine.containers, engine.images);
    CO_TRY(engine::FileTar tar, co_await files.export_all(std::move(container)));
    co_return co_await stream_reply(engine.workers, std::move(tar), request,
                                    "application/octet-stream");
}

Task<Result<http::Reply>> container_changes(engine::Engine& engine, std::string name,
                                            http::Request& request) {
    CO_TRY(ContainerPtr container, engine.containers.find(name));
    ContainerFiles files(engine.containers, engine.images);
    CO_TRY(engine::UpperWalk walk, co_await files.changes(std::move(container)));
    ChangeList list(std::move(walk));
    co_return co_await stream_reply(engine.workers, std::move(list), request, "application/json");
}

Task<Result<http::Reply>> container_archive(engine::Engine& engine, std::string name,
                                            http::Request& request) {
    std::string path = request.query().text("path");
    if (path.empty())
        co_return Error(Kind::invalid, "bad parameter: pathcannot be empty");  // Docker's own words
    CO_TRY(ContainerPtr container, engine.containers.find(name));
    ContainerFiles files(engine.containers, engine.images);
    if (request.method() == "PUT")
        co_return co_await put_archive(files, std::move(container), std::move(name),
                                       std::move(path), request);
    constexpr const char* header = "X-Docker-Container-Path-Stat";
    if (request.method() == "HEAD") {
        CO_TRY(engine::PathStat stat,
               co_await files.stat(std::move(container), std::move(name), std::move(path)));
        http::Reply reply(200);
        reply.headers().set(header, stat_header(stat));
        co_return reply;
    }
    CO_TRY(engine::FileArchive archive,
           co_await files.read(std::move(container), std::move(name), std::move(path)));
    http::Headers headers;
    headers.set(header, stat_header(archive.stat));
    co_return co_await stream_reply(engine.workers, std::move(archive.tar), request,
                                    "application/x-tar", std::move(headers));
}

Task<Result<http::Reply>> commit(engine::Engine& engine, http::Request& request) {
    const http::Query& query = request.query();
    std::string name = query.text("container");
    if (name.empty()) co_return Error(Kind::invalid, "invalid name or ID supplied: \"\"");
    engine::CommitOrder order;
    CO_TRY_DO(read_name(query, order));
    order.comment = query.text("comment");
    order.author = query.text("author");
    order.pause = query.text("pause").empty() || query.flag("pause");
    order.changes = query.all("changes");
    if (order.changes.size() > changes_max)
        co_return Error(Kind::invalid, fmt::format("more than {} changes", changes_max));
    CO_TRY(std::string body, co_await json_body(request));
    if (body.find_first_not_of(" \t\r\n") != body.npos && !body.starts_with("null")) {
        CO_TRY(order.config, json::read<wire::ContainerConfig>(body));
    }
    CO_TRY(ContainerPtr container, engine.containers.find(name));
    ContainerFiles files(engine.containers, engine.images);
    wire::ExecCreated out;
    CO_TRY(out.id, co_await files.commit(std::move(container), std::move(order)));
    co_return json_text_reply(201, json::write(out));
}

}  // namespace api
